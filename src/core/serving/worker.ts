import { AppError, type ErrorView, errorView } from "../../errors.ts";
import type { Account } from "../accounts/account.ts";
import type { EngineEvent, EngineListener } from "../events.ts";
import type { RunOptions } from "../inputs.ts";
import type { UploadRecord } from "../job-store.ts";
import type { LedgerEntry } from "../ledger-entry.ts";
import { createDispatcher, type DispatchPolicy, type QueueWorld } from "../sending/dispatcher.ts";
import type { End } from "../sending/end-of-upload.ts";
import { tidyUp } from "../sending/queue.ts";
import { recordEnd } from "../sending/start-upload.ts";
import type { ServeStore } from "../serve-store.ts";
import { lookWhetherSettled } from "../sources/settle.ts";
import { countFailures } from "./failures-in-a-row.ts";
import { describeLost, followAccounts } from "./follow-accounts.ts";
import type { LiveState } from "./live-state.ts";
import { nextRound } from "./next-round.ts";

export interface WorkerWorld extends QueueWorld {
  readonly store: ServeStore;
  readonly live: LiveState;
  /** By name, as configured now. */
  readonly accounts: () => ReadonlyMap<string, Account>;
  /** Something about the upload's job has changed. */
  readonly changed: (uploadId: string) => void;
  /** What is remembered of an account has changed. */
  readonly accountChanged: () => void;
}

/** The queue of a server: it never ends by itself. */
export interface Worker {
  /** New uploads, by their accounts' keys. */
  queued(accountKeys: readonly string[]): void;
  /** New hope for an account. */
  wake(): void;
  /** An account may be tried again, or no longer: it is looked at now. */
  reconsider(accountKey: string): void;
  /** Aborts a running upload; it ends as cancelled. */
  cancel(uploadId: string): void;
  /** Starts nothing more, lets uploads run for `graceMs`, then stops them; at once those that only wait. */
  stop(graceMs: number): Promise<void>;
}

const MINUTE_MS = 60_000;
/** More than can run at once; a count of all of a long queue would take too long for every look at it. */
const ENOUGH_QUEUED = 100;
/** What is due twice in a row cannot be taken up now: the store is not written to. */
const STILL_LATE_MS = 250;
/** How often an account that may not be tried is looked at: another process may have lifted it. */
const LOOK_AGAIN_MS = 2_000;
const CHANGES_JOB: ReadonlySet<EngineEvent["type"]> = new Set(["start", "stored", "parked", "resting", "retry"]);

function cancelledView(): ErrorView {
  return errorView(new AppError("cancelled", "the upload was cancelled"));
}

export function startWorker(world: WorkerWorld, run: { readonly id: string; readonly options: RunOptions }): Worker {
  const { store, live, changed } = world;
  const hard = new AbortController();
  const cancels = new Map<string, AbortController>();
  /** Stop single uploads, as `hard` stops all. */
  const stops = new Map<string, AbortController>();
  const failures = countFailures(store, world.accountChanged);
  const jobIds = new Map<string, string>();
  /** Keys with uploads in the queue whose accounts are not configured any more, and what is told of them. */
  const missing = new Map<string, string>();
  let stopping = false;

  const listen: EngineListener = (event) => {
    live.observe(event);
    if (CHANGES_JOB.has(event.type) && "upload" in event) changed(event.upload.id);
    world.listen(event, "upload" in event ? jobIds.get(event.upload.id) : undefined);
    if (stopping && (event.type === "parked" || event.type === "resting")) stopIdle();
  };

  const policy: DispatchPolicy = {
    async stopped(lane) {
      lane.pauseFor(LOOK_AGAIN_MS);
    },
    // What cannot be looked at now is for the upload itself to fail with.
    admit: (claimed) => admit(claimed).catch(() => true),
    settle,
    // The disk may have room again in an hour.
    endTries: Number.POSITIVE_INFINITY,
    async ended(upload) {
      cancels.delete(upload.id);
      stops.delete(upload.id);
      live.ended(upload.id);
      const job = await store.jobOfUpload(upload.id).catch(() => null);
      if (job !== null && upload.outcome !== null) {
        const options = { ...run.options, after: job.after };
        // A job that has failed or was cancelled can be tried again, for which it needs its file.
        await tidyUp(store, upload, { options, needsNone: ({ state }) => state === "done" }, listen);
      }
      const stored = job?.uploads.find(({ id }) => id === upload.id);
      // What could not be stored is told as it is known here.
      const known = upload.outcome === null && stored !== undefined ? stored : upload;
      listen({ type: "ended", upload: known, dueAt: stored?.dueAt ?? null });
      if (known.outcome?.ok === true && stored?.outcome == null) tellLink(known.name, known.outcome.url);
      jobIds.delete(upload.id);
      changed(upload.id);
    },
    signalOf(claimed) {
      const stop = new AbortController();
      stops.set(claimed.id, stop);
      return AbortSignal.any([hard.signal, cancelOf(claimed.id).signal, stop.signal]);
    },
  };
  const dispatcher = createDispatcher({ ...world, listen }, run, policy, hard.signal);
  const { slots } = dispatcher;
  const loop = work();

  async function work(): Promise<void> {
    let wasLate = false;
    while (!stopping) {
      const seen = slots.version;
      await refresh();
      while (!stopping && (await dispatcher.startNext()));
      const due = await store.nextDue(run.id).catch(() => null);
      const waits = dispatcher.lanes.filter((lane) => lane.queued > 0).map((lane) => lane.retryInMs);
      const dueInMs = due === null ? MINUTE_MS : Math.min(due - Date.now(), MINUTE_MS);
      const isLate = dueInMs <= 0;
      const least = isLate && wasLate ? STILL_LATE_MS : 5;
      wasLate = isLate;
      await slots.changed(seen, Math.max(Math.min(...waits, dueInMs), least), hard.signal);
    }
  }

  /** What could not be recorded stands nowhere else. */
  function tellLink(name: string, url: string | null): void {
    if (url !== null) listen({ type: "warning", text: `nothing but this line keeps the link of ${name}: ${url}` });
  }

  /** A person may take days, a cool-down an hour; the next start finds what waits for either. */
  function stopIdle(): void {
    for (const [id, stop] of stops) if (live.captcha(id) !== null || live.rests(id)) stop.abort();
  }

  /** What is queued and due, by account. */
  async function refresh(): Promise<void> {
    const queued = await store.queued(run.id, ENOUGH_QUEUED).catch(() => new Map<string, number>());
    for (const lane of dispatcher.lanes) lane.queued = queued.get(lane.account.key) ?? 0;
    for (const [key, count] of queued) {
      const lane = dispatcher.lane(key);
      if (lane !== null) {
        lane.queued = count;
        missing.delete(key);
      } else await lookForAccount(key);
    }
  }

  /** What nobody takes up: its account has another key now, or none. */
  async function lookForAccount(key: string): Promise<void> {
    // One that ran when its account was configured anew comes back to the queue with the key of before.
    if (!missing.has(key) && (await followAccounts(world, run.id).catch(() => false))) slots.wake();
    const name = await store.accountNameOf(run.id, key).catch(() => null);
    if (name === null) return;
    const text = describeLost(name, world.accounts());
    if (missing.get(key) !== text) listen({ type: "warning", text });
    missing.set(key, text);
  }

  /** A file that is still being written goes back until it stands still. */
  async function admit(claimed: UploadRecord): Promise<boolean> {
    // From here on: it counts as running, and a look at its file takes a moment.
    cancelOf(claimed.id);
    const job = await store.jobOfUpload(claimed.id);
    if (job !== null) jobIds.set(claimed.id, job.id);
    if (job?.settleMs == null || job.source.path === "-") return true;
    const look = await lookWhetherSettled(claimed.source, job.settleMs);
    if (look.kind === "still") await store.stoodStill(claimed.id);
    if (look.kind !== "moving") return true;
    await store.saveSource(claimed.id, claimed.fence, look.source);
    await store.postpone(claimed.id, claimed.fence, look.lookAt, "settle", null);
    await cancelPostponed(claimed.id);
    cancels.delete(claimed.id);
    jobIds.delete(claimed.id);
    changed(claimed.id);
    return false;
  }

  async function settle(entry: LedgerEntry, end: End, seconds: number): Promise<void> {
    const { id, fence, accountKey } = entry.record;
    if (isCancelled(id) && (end.kind === "interrupted" || (!end.outcome.ok && end.outcome.error.retryable))) {
      return store.finishCancelled(id, fence, cancelledView(), seconds);
    }
    if (end.kind === "interrupted") return recordEnd(entry, end, seconds);
    const { outcome } = end;
    if (outcome.ok) {
      failures.succeeded(accountKey);
      return recordEnd(entry, end, seconds);
    }
    await failures.failed(accountKey, outcome.error);
    const next = await nextRound(store, entry.record, outcome.error.code, outcome.error.retryable);
    if (next === null) return recordEnd(entry, end, seconds);
    await store.postpone(id, fence, next.dueAt, next.why, outcome.error, seconds);
    await cancelPostponed(id);
  }

  function cancelOf(uploadId: string): AbortController {
    const known = cancels.get(uploadId) ?? new AbortController();
    cancels.set(uploadId, known);
    return known;
  }

  function isCancelled(uploadId: string): boolean {
    return cancels.get(uploadId)?.signal.aborted === true;
  }

  /** Whoever cancelled it found it running, so that only its end would have told. */
  async function cancelPostponed(uploadId: string): Promise<void> {
    const job = jobIds.get(uploadId);
    if (job !== undefined && isCancelled(uploadId)) await store.cancelJob(job, cancelledView());
  }

  return {
    queued(accountKeys) {
      for (const key of accountKeys) {
        const lane = dispatcher.lanes.find(({ account }) => account.key === key);
        // One that has something to do already waits for a slot, or for its account: a look would find no more than that.
        if (lane === undefined || lane.queued === 0) slots.wake();
        if (lane !== undefined) lane.queued += 1;
      }
    },
    wake: () => slots.wake(),
    reconsider(accountKey) {
      dispatcher.lanes.find(({ account }) => account.key === accountKey)?.pauseFor(0);
      slots.wake();
    },
    cancel(uploadId) {
      cancels.get(uploadId)?.abort();
    },
    async stop(graceMs) {
      stopping = true;
      slots.wake();
      await loop;
      stopIdle();
      const timer = setTimeout(() => hard.abort(), graceMs);
      await dispatcher.idle();
      clearTimeout(timer);
    },
  };
}
