import type { Adopted, JobRecord, ServeStore } from "../../core/serve-store.ts";
import { AppError, errorView } from "../../errors.ts";
import type { StoreContext } from "../context.ts";
import { PAGE } from "../pages.ts";
import { loadUpload } from "../queue.ts";
import { loadJobs } from "./job-rows.ts";
import { serverRun } from "./server-run.ts";
import { FIRST_ENDED } from "./states.ts";

/** An upload that has taken its process down this often is not tried again by itself. */
const CRASHES = 3;
/** Phases in which an upload does more than to wait for a short answer. */
const MOVING = "('new', 'preparing', 'sending', 'finishing')";

export function adoptJobs(context: StoreContext) {
  const { sql, access, owners } = context;
  return {
    async adoptJobs(runId: string, committingHosts: ReadonlySet<string>): Promise<Adopted> {
      await access.write(() => owners.bury());
      const crashed: Adopted["crashed"][number][] = [];
      // Each page stands for itself: what a crash leaves is for the next start.
      for (let last: number | null = 0; last !== null; ) {
        const after: number = last;
        const page = await access.write(() => adoptPage(context, runId, after, committingHosts));
        crashed.push(...page.crashed);
        last = page.last;
      }
      return { crashed, untold: await untoldJobs(context) };
    },

    jobTold: (id: string) =>
      access.write(() => {
        sql(`UPDATE jobs SET told = 1 WHERE id = $id AND state >= ${FIRST_ENDED}`).run({ id });
      }),
  } satisfies Partial<ServeStore>;
}

interface Page extends Pick<Adopted, "crashed"> {
  /** The place of the last job; null when there was none. */
  readonly last: number | null;
}

/** Takes over the next unended jobs after a place. In a write. */
function adoptPage(context: StoreContext, runId: string, after: number, committingHosts: ReadonlySet<string>): Page {
  const { sql } = context;
  const run = serverRun(context, runId);
  const seqs = sql<{ seq: number }>(
    `SELECT seq FROM jobs WHERE state < ${FIRST_ENDED} AND seq > $after ORDER BY seq LIMIT ${PAGE}`,
  )
    .all({ after })
    .map(({ seq }) => seq);
  const jobs = JSON.stringify(seqs);
  const crashed = settleCrashes(context, run, jobs, committingHosts);
  const taken = "WHERE job IN (SELECT value FROM json_each($jobs)) AND";
  sql(
    `UPDATE uploads SET state = 'queued', outcome = NULL, finished_at = NULL, resumable = 0
     ${taken} state = 'interrupted'`,
  ).run({ jobs });
  // A wait without an end was for something that only its server could see.
  sql(
    `UPDATE uploads SET waiting_for = NULL
     ${taken} state = 'queued' AND run <> $run AND due_at IS NULL AND waiting_for IS NOT NULL`,
  ).run({ run, jobs });
  // With no column that is in one of the many other indexes, all of which a change of it is written to.
  sql(
    `UPDATE uploads SET run = $run, source_inode = '0' || substr(source_inode, instr(source_inode, ':'))
     ${taken} state = 'queued' AND run <> $run`,
  ).run({ run, jobs });
  return { crashed, last: seqs.at(-1) ?? null };
}

async function untoldJobs(context: StoreContext): Promise<readonly JobRecord[]> {
  const { sql, access } = context;
  const untold = await access.read(() =>
    sql<{ seq: number }>(`SELECT seq FROM jobs WHERE state >= ${FIRST_ENDED} AND told = 0 ORDER BY seq`).all({}),
  );
  return access.read(() =>
    loadJobs(
      context,
      untold.map(({ seq }) => seq),
    ),
  );
}

interface Crashed {
  readonly seq: number;
  /** The id of its job. */
  readonly job: string;
  readonly name: string;
  readonly host: string;
  readonly phase: string;
  /** Not null when it was to be cancelled. */
  readonly outcome: string | null;
  /** This one counted. */
  readonly crashes: number;
}

/**
 * Deals with what was running when its process died. Whatever was moving bytes may have brought it down: it counts a
 * crash and goes behind all others, lest it brings down the next one before they had their turn. `jobs`: their places,
 * as JSON. Returns those that ended by it.
 */
function settleCrashes(
  context: StoreContext,
  run: number,
  jobs: string,
  committingHosts: ReadonlySet<string>,
): Adopted["crashed"] {
  const { sql, now } = context;
  const crashed = sql<Crashed>(
    `SELECT seq, (SELECT id FROM jobs WHERE seq = uploads.job) AS job, name, host, phase, outcome,
       crashes + (phase IN ${MOVING}) AS crashes FROM uploads
     WHERE job IN (SELECT value FROM json_each($jobs)) AND state = 'running'
       AND owner_id NOT IN (SELECT id FROM owners)`,
  ).all({ jobs });
  // A new fence stops a writer that only seemed dead.
  const settle = sql(
    `UPDATE uploads SET state = $state, owner_id = NULL, fence = fence + 1, crashes = $crashes, outcome = $outcome,
       reported = 1, finished_at = $finishedAt,
       source_index = CASE WHEN phase IN ${MOVING} THEN $behind ELSE source_index END
     WHERE seq = $seq`,
  );
  if (crashed.length === 0) return [];
  const last = sql<{ at: number | null }>(
    "SELECT max(source_index) AS at FROM uploads WHERE run IN ($run, (SELECT run FROM uploads WHERE seq = $seq))",
  ).get({ run, seq: crashed[0]?.seq ?? 0 });
  const behind = (last?.at ?? -1) + 1;
  return crashed.flatMap((upload) => {
    const { seq, job, crashes } = upload;
    const end = endOf(upload, committingHosts);
    const goesOn = end.state === "interrupted";
    settle.run({ seq, crashes, ...end, behind, finishedAt: goesOn ? null : now() });
    return goesOn ? [] : [{ job, upload: loadUpload(context, seq) }];
  });
}

function endOf({ name, host, phase, outcome, crashes }: Crashed, committingHosts: ReadonlySet<string>) {
  if (phase === "finishing" && !committingHosts.has(host)) return { state: "unknown", outcome: failed(maybeUp()) };
  if (outcome !== null) return { state: "cancelled", outcome };
  if (crashes >= CRASHES) return { state: "failed", outcome: failed(deadly(name)) };
  return { state: "interrupted", outcome };
}

function failed(error: AppError): string {
  return JSON.stringify({ ok: false, error: errorView(error) });
}

function maybeUp(): AppError {
  return new AppError("outcome_unknown", "hoist ended before the answer came: the file may be up", {
    hint: "look at your account; if it is not there, retry the job",
  });
}

function deadly(name: string): AppError {
  return new AppError("internal", `hoist died ${CRASHES} times while it uploaded ${name}`, {
    hint: "look for the cause in the system's log (memory, kill), then retry the job",
  });
}
