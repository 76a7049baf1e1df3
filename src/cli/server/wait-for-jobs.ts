import { createTally } from "../../core/exit-code.ts";
import { exitOfStop } from "../../core/stop.ts";
import { parseDuration } from "../../core/units.ts";
import { AppError, toAppError } from "../../errors.ts";
import type { CommandContext } from "../context.ts";
import { createReport, type ReportOptions } from "../output/report.ts";
import { createJobFollower, followJobs, type Queued } from "./follow-jobs.ts";
import type { ServerClient } from "./server-client.ts";
import { createWaitNotes } from "./wait-notes.ts";

const GO_ON = {
  stopped: "see hoist jobs list",
  failed: (job: string) => `try it again with: hoist jobs retry ${job}`,
};

/** Fails with `forbidden` when jobs could be queued, but not followed. */
export async function assertFollowable(client: ServerClient): Promise<void> {
  try {
    await client.json({ method: "GET", path: "/v1/jobs", query: new URLSearchParams({ limit: "1" }) });
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code !== "forbidden") throw error;
    const hint = "nothing is queued yet; without --wait it is queued all the same";
    throw error.with({ hint: error.hint === undefined ? hint : `${hint}; to wait, ${error.hint}` });
  }
}

export interface WaitOptions extends Pick<ReportOptions, "format" | "groupBy" | "progress"> {
  /** `performance.now()` when the jobs began to be handed over. */
  readonly startedAt: number;
  /** As typed; null: for as long as it takes. */
  readonly limit: string | null;
  readonly context: CommandContext;
}

/** Results and exit code as `hoist up` would give them. */
export async function waitForJobs(
  client: ServerClient,
  queued: readonly Queued[],
  { startedAt, format, groupBy, progress, limit, context }: WaitOptions,
): Promise<number> {
  const { io, out } = context;
  const tally = createTally();
  using report = createReport(context, { startedAt, format, groupBy, progress, recorded: true, goOn: GO_ON });
  const follower = createJobFollower(queued, (event) => {
    if (event.type === "ended") tally.add(event.upload);
    report.listen(event);
  });
  out.debug(`queued as ${follower.unendedJobs.join(", ")}`);
  follower.begin();
  const patience = patienceOf(limit);
  const signal = AbortSignal.any([io.signal, patience]);
  using notes = createWaitNotes(client, context, signal);
  try {
    await followJobs(client, follower, signal, {
      seen: notes.see,
      lost: () => out.note(`${client.where} is gone; waiting for it to come back`),
    });
  } catch (thrown) {
    return report.fail(thrown);
  }
  const left = follower.unendedJobs;
  if (left.length > 0 && !io.signal.aborted) return report.fail(notInTime(left, withUnit(limit ?? "")));
  if (left.length > 0) out.warning(`still queued on the server: ${left.join(" ")}`);
  const seconds = Math.round(performance.now() - startedAt) / 1000;
  const summary = tally.summary(seconds, exitOfStop(io.signal));
  report.finish(summary);
  return summary.exit;
}

function patienceOf(text: string | null): AbortSignal {
  const ms = text === null ? null : parseDuration(text);
  return ms === null ? new AbortController().signal : AbortSignal.timeout(ms);
}

function notInTime(ids: readonly string[], text: string): AppError {
  const what = ids.length === 1 ? "the job has" : `${ids.length} jobs have`;
  return new AppError("timeout", `${what} not ended within ${text}; the server goes on with it`, {
    hint: `wait on with: hoist jobs watch ${ids.slice(0, 5).join(" ")}`,
  });
}

/** A bare number counts seconds. */
function withUnit(limit: string): string {
  return /\d$/.test(limit) ? `${limit}s` : limit;
}
