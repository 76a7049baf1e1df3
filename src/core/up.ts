import { errorView } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Account } from "./accounts/account.ts";
import { accountByKey } from "./accounts/account-by-key.ts";
import { withTrees } from "./after.ts";
import type { RunOptions, UpInput } from "./inputs.ts";
import type { JobStore, NewUpload, Outcome, OwnerInfo, UploadRecord } from "./job-store.ts";
import {
  createStdinSpool,
  fileRecord,
  type Recording,
  runningElsewhere,
  toNewUpload,
  unrecorded,
} from "./planning/new-uploads.ts";
import { createPlan, type Plan, type PlannedUpload, planView } from "./planning/plan.ts";
import { createReporting } from "./reporting.ts";
import type { QueueWorld } from "./sending/dispatcher.ts";
import { drain, type QueuedRun, tidyUp } from "./sending/queue.ts";
import { findInLedger, skippedOutcome } from "./skip.ts";
import { createPacked } from "./sources/packed.ts";
import type { PlanView, SummaryView } from "./views.ts";

export interface UploadsWorld extends Omit<QueueWorld, "accountOf"> {
  /** By name. */
  readonly accounts: ReadonlyMap<string, Account>;
  /** Ids of hosts on which nothing is visible before a commit. */
  readonly committingHosts: ReadonlySet<string>;
  /** Where copies of standard input go. */
  readonly spoolDirectory: string;
}

const CHUNK = 500;

export interface PlanWorld extends Pick<UploadsWorld, "accounts" | "listen"> {
  /** Says what was uploaded before; null where it does not matter. */
  readonly ledger: Pick<JobStore, "findDone"> | null;
}

/**
 * `--dry-run`: what `up` would do, without a call and without a record. Fails with `usage` or `config`, or `cancelled`
 * by the signal.
 */
export async function* plan(input: UpInput, world: PlanWorld, signal: AbortSignal): AsyncGenerator<PlanView> {
  // A mistake at the end forbids a start, so all of it is kept.
  const uploads = createPacked<PlanView>();
  for await (const upload of createPlan(input, planOptions(world, signal)).uploads()) {
    const recorded = world.ledger !== null && (await isRecorded(world.ledger, upload));
    uploads.add({ ...planView(upload), ...(recorded ? { recorded } : {}) });
  }
  yield* uploads.values();
}

async function isRecorded(ledger: Pick<JobStore, "findDone">, { account, folder, source }: PlannedUpload) {
  return (await findInLedger(ledger, { accountKey: account.key, folder, source: fileRecord(source) })) !== null;
}

function planOptions({ accounts, listen }: Pick<UploadsWorld, "accounts" | "listen">, signal: AbortSignal) {
  return { accounts, note: (text: string) => listen({ type: "note", text }), signal };
}

/**
 * Uploads everything the input names. The run is stored whole before its first byte, so that `resume` finds also
 * what was not begun. Fails with `usage` or `config` before any call, and with `cancelled` when the signal fires
 * before everything is stored; what single uploads fail with is told by `ended` events and counted in the summary.
 */
export async function up(asked: UpInput, world: UploadsWorld, signal: AbortSignal): Promise<SummaryView> {
  const input = { ...asked, run: { ...asked.run, after: await withTrees(asked) } };
  const plan = createPlan(input, planOptions(world, signal));
  for (const { account } of plan.destinations) await account.credentials();
  const { store } = world;
  await store.recover(world.committingHosts);
  const runId = await store.createRun(input.run as Json);
  const reporting = createReporting(world);
  const recording = recordingOf(input, plan, world, signal);
  let planned: Planned;
  try {
    planned = await record(runId, input, plan, recording, store);
    await store.openRun(runId);
  } catch (error) {
    await store.dropRun(runId).catch(() => {});
    await recording.stdin?.drop();
    throw error;
  }
  const { uploads, bytes } = planned;
  const { recorded } = store;
  reporting.listen({ type: "planned", uploads, destinations: plan.destinations.length, bytes, recorded });
  const run = { id: runId, options: input.run, keep: planned.keep };
  await tellEnded(run, planned, reporting, signal);
  const named = new Set(plan.destinations.map(({ account }) => account.name));
  await drain({ ...reporting, accountOf: accountByKey(world.accounts, named) }, run, signal);
  return reporting.summary(signal);
}

interface Planned {
  readonly uploads: number;
  readonly bytes: number;
  /** Uploads of this run that have ended already: they cannot be tried, or the ledger has them. */
  readonly ended: number;
  /** Ended uploads that are not in this run: another process has them, or nobody knows what became of them. */
  readonly elsewhere: readonly UploadRecord[];
  /** Indexes of their sources. */
  readonly keep: ReadonlySet<number>;
}

/** Writes the plan down, in chunks so that a long walk stays small in memory. */
async function record(
  runId: string,
  input: UpInput,
  plan: Plan,
  recording: Recording,
  store: JobStore,
): Promise<Planned> {
  const elsewhere: UploadRecord[] = [];
  let uploads = 0;
  let bytes = 0;
  let ended = 0;
  let chunk: NewUpload[] = [];
  const add = async () => {
    elsewhere.push(...(await addChunk(runId, chunk, input.run, store)));
    ended += chunk.filter((upload) => upload.outcome !== undefined).length;
    chunk = [];
  };
  for await (const planned of plan.uploads()) {
    chunk.push(await toNewUpload(planned, recording));
    uploads += 1;
    bytes += planned.source.identity?.size ?? 0;
    if (chunk.length === CHUNK) await add();
  }
  if (chunk.length > 0) await add();
  return { uploads, bytes, ended, elsewhere, keep: new Set(elsewhere.map(({ sourceIndex }) => sourceIndex)) };
}

function recordingOf(input: UpInput, plan: Plan, world: UploadsWorld, signal: AbortSignal): Recording {
  const needsFile =
    input.spool || plan.destinations.length > 1 || plan.destinations.some((to) => to.account.host.features.needsSize);
  return {
    labels: input.labels,
    stdin: needsFile ? createStdinSpool(world, signal) : null,
    known: input.run.skipExisting ? (upload) => findInLedger(world.store, upload) : null,
  };
}

/** Returns what does not become part of the run. */
async function addChunk(
  runId: string,
  uploads: readonly NewUpload[],
  options: RunOptions,
  store: JobStore,
): Promise<readonly UploadRecord[]> {
  const elsewhere: UploadRecord[] = [];
  const added = await store.addUploads(runId, uploads);
  for (const [index, upload] of uploads.entries()) {
    const result = added[index];
    if (result?.kind === "running_elsewhere")
      elsewhere.push(unrecorded(upload, runId, runningOutcome(upload, result.owner, options)));
    if (result?.kind !== "unknown") continue;
    if (options.retryUnknown) {
      await store.drop(result.id);
      await store.addUploads(runId, [upload]);
      continue;
    }
    const unknown = await store.get(result.id);
    const { sourceIndex, destinationIndex } = upload;
    if (unknown !== null) elsewhere.push({ ...unknown, sourceIndex, destinationIndex });
  }
  return elsewhere;
}

function runningOutcome({ source }: NewUpload, owner: OwnerInfo, { skipExisting }: RunOptions): Outcome {
  if (!skipExisting) return { ok: false, error: errorView(runningElsewhere(owner.pid)) };
  return skippedOutcome({ url: null, remoteId: null, md5: null, verified: null, reason: "running" }, source.size ?? 0);
}

/** Tells what has ended before anything was sent; a source that is everywhere already needs no upload to be tidied. */
async function tellEnded(
  run: QueuedRun,
  { ended, elsewhere }: Planned,
  { store, listen }: Pick<UploadsWorld, "store" | "listen">,
  signal: AbortSignal,
): Promise<void> {
  for (const upload of elsewhere) listen({ type: "ended", upload });
  if (ended === 0) return;
  for await (const upload of store.uploadsOf(run.id)) {
    if (signal.aborted) return;
    if (upload.outcome === null) continue;
    listen({ type: "ended", upload });
    if (upload.outcome.ok) await tidyUp(store, upload, run, listen);
  }
}
