import { AppError, errorView } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Account } from "./account.ts";
import type { RunOptions, UpInput } from "./inputs.ts";
import type { NewUpload } from "./job-store.ts";
import { createStdinSpool, type Recording, runningElsewhere, toNewUpload, unrecorded } from "./new-uploads.ts";
import { createPlan, type Plan, type PlannedUpload, planView } from "./plan.ts";
import { drain, type QueueWorld } from "./queue.ts";
import { byKey, createReporting, type Reporting } from "./reporting.ts";
import { findInLedger, skippedOutcome } from "./skip.ts";
import type { PlanView, SummaryView } from "./views.ts";

export interface UploadsWorld extends Omit<QueueWorld, "accounts"> {
  /** By name. */
  readonly accounts: ReadonlyMap<string, Account>;
  /** Ids of hosts on which nothing is visible before a commit. */
  readonly committingHosts: ReadonlySet<string>;
  /** Where copies of standard input go. */
  readonly spoolDirectory: string;
}

const CHUNK = 500;

/** `--dry-run`: what `up` would do, without a call and without a record. Fails with `usage` or `config`. */
export async function* plan(
  input: UpInput,
  world: Pick<UploadsWorld, "accounts" | "listen">,
): AsyncGenerator<PlanView> {
  const uploads: PlannedUpload[] = [];
  for await (const upload of createPlan(input, planOptions(world)).uploads()) uploads.push(upload);
  for (const upload of uploads) yield planView(upload);
}

function planOptions({ accounts, listen }: Pick<UploadsWorld, "accounts" | "listen">) {
  return { accounts, note: (text: string) => listen({ type: "note", text }) };
}

/**
 * Uploads everything the input names. The run is stored whole before its first byte, so that `resume` finds also
 * what was not begun. Fails with `usage` or `config` before any call; what single uploads fail with is told by
 * `ended` events and counted in the summary.
 */
export async function up(input: UpInput, world: UploadsWorld, signal: AbortSignal): Promise<SummaryView> {
  const plan = createPlan(input, planOptions(world));
  for (const { account } of plan.destinations) await account.credentials();
  const { store } = world;
  await store.recover(world.committingHosts);
  const runId = await store.createRun(input.run as Json);
  const reporting = createReporting(world);
  let planned: Planned;
  try {
    planned = await record(runId, input, plan, reporting, signal);
    await store.openRun(runId);
  } catch (error) {
    await store.dropRun(runId).catch(() => {});
    throw error;
  }
  reporting.planned(planned.uploads, plan.destinations.length, planned.bytes);
  await drain({ ...reporting, accounts: byKey(world.accounts) }, { id: runId, options: input.run }, signal);
  return reporting.summary(signal);
}

interface Planned {
  readonly uploads: number;
  readonly bytes: number;
}

/** Writes the plan down, in chunks so that a long walk stays small in memory. */
async function record(
  runId: string,
  input: UpInput,
  plan: Plan,
  world: Reporting,
  signal: AbortSignal,
): Promise<Planned> {
  const recording = recordingOf(input, plan, world, signal);
  let uploads = 0;
  let bytes = 0;
  let chunk: NewUpload[] = [];
  for await (const planned of plan.uploads()) {
    if (signal.aborted) throw new AppError("cancelled", "stopped before anything was sent");
    chunk.push(await toNewUpload(planned, recording));
    uploads += 1;
    bytes += planned.source.identity?.size ?? 0;
    if (chunk.length === CHUNK) {
      await add(runId, chunk, input.run, world);
      chunk = [];
    }
  }
  await add(runId, chunk, input.run, world);
  return { uploads, bytes };
}

function recordingOf(input: UpInput, plan: Plan, world: UploadsWorld, signal: AbortSignal): Recording {
  const needsFile =
    input.spool || plan.destinations.length > 1 || plan.destinations.some((to) => to.account.host.features.needsSize);
  return {
    labels: input.labels,
    spoolStdin: needsFile ? createStdinSpool(world.spoolDirectory, signal) : null,
    known: input.run.skipExisting ? (upload) => findInLedger(world.store, upload) : null,
  };
}

async function add(
  runId: string,
  uploads: readonly NewUpload[],
  options: RunOptions,
  { store, later }: Reporting,
): Promise<void> {
  if (uploads.length === 0) return;
  const added = await store.addUploads(runId, uploads);
  for (const [index, upload] of uploads.entries()) {
    const result = added[index];
    if (result === undefined) continue;
    if (result.kind === "running_elsewhere") {
      const running = { url: null, remoteId: null, md5: null, reason: "running" } as const;
      later(
        unrecorded(
          upload,
          runId,
          options.skipExisting
            ? skippedOutcome(running, upload.source.size ?? 0)
            : { ok: false, error: errorView(runningElsewhere(result.owner.pid)) },
        ),
      );
    } else if (result.kind === "unknown" && options.retryUnknown) {
      await store.drop(result.id);
      await store.addUploads(runId, [upload]);
    } else if (result.kind === "unknown" || upload.outcome !== undefined) {
      const ended = await store.get(result.id);
      if (ended !== null)
        later({ ...ended, sourceIndex: upload.sourceIndex, destinationIndex: upload.destinationIndex });
    }
  }
}
