import { AppError, errorView, toAppError } from "../errors.ts";
import type { HostSession } from "../hosts/host.ts";
import type { Phase } from "../hosts/phase.ts";
import type { Throttle } from "../io/throttle.ts";
import type { Account } from "./account.ts";
import type { RunOptions } from "./inputs.ts";
import type { UploadRecord } from "./job-store.ts";
import type { Lane } from "./lane.ts";
import { type LedgerEntry, openLedgerEntry } from "./ledger-entry.ts";
import { createMeter } from "./meter.ts";
import { openSource } from "./open-source.ts";
import type { QueueWorld } from "./queue.ts";
import type { RetryBudget } from "./retry.ts";
import type { Slots } from "./slots.ts";
import { stopSignal } from "./stop-signal.ts";
import { runUpload } from "./upload-task.ts";

interface RunWorld extends QueueWorld {
  readonly options: RunOptions;
  readonly sessions: (account: Account) => Promise<HostSession>;
  readonly throttle: Throttle | null;
  readonly budget: RetryBudget;
  /** The store cannot be written any more. */
  readonly degraded: (error: AppError) => void;
}

/** Phases worth a moment's wait when a stop is asked for: the answer may be on its way. */
const NEARLY_DONE: ReadonlySet<Phase> = new Set(["finishing", "stored", "placed", "committing"]);

/** Runs a claimed upload and records what it came to. Never throws; the lane and the slot are given back. */
export async function startUpload(
  world: RunWorld,
  { claimed, lane, slots }: { readonly claimed: UploadRecord; readonly lane: Lane; readonly slots: Slots },
  signal: AbortSignal,
): Promise<UploadRecord> {
  const startedAt = performance.now();
  const entry = openLedgerEntry(world.store, claimed, world.degraded);
  const place = createPlace(lane, slots, signal);
  using stop = stopSignal(signal, () => NEARLY_DONE.has(entry.record.phase));
  world.listen({ type: "start", upload: entry.record });
  const seconds = () => claimed.seconds + (performance.now() - startedAt) / 1000;
  try {
    await using source = await openSource(entry, lane.account, world, createProgress(world, entry));
    const outcome = await stop.race(
      runUpload({
        ...world,
        entry,
        account: lane.account,
        session: await world.sessions(lane.account),
        gate: lane.gate,
        source,
        signal: stop.signal,
        release: place.release,
        reenter: place.reenter,
        more: () => lane.more,
      }),
    );
    await entry.finish(outcome, seconds());
  } catch (thrown) {
    await recordFailure(entry, lane.account, toAppError(thrown), signal.aborted, seconds()).catch((error) =>
      world.listen({ type: "warning", text: `${claimed.name}: ${toAppError(error).message}` }),
    );
  } finally {
    await place.leave();
  }
  return entry.record.outcome === null ? lost(entry.record) : entry.record;
}

async function recordFailure(
  entry: LedgerEntry,
  account: Account,
  error: AppError,
  stopped: boolean,
  seconds: number,
): Promise<void> {
  const { phase, source } = entry.record;
  if (stopped && phase === "finishing" && !account.host.features.commits) {
    const unknown = new AppError("outcome_unknown", `stopped while ${account.host.title} was about to answer`, {
      hint: "the file may be up: look at your account; send it again with hoist resume ID --retry-unknown",
    });
    await entry.finish({ ok: false, error: errorView(unknown) }, seconds);
    return;
  }
  const cannotResume = source.path === "-" && source.spool === null;
  if (stopped && !cannotResume) {
    const interrupted = new AppError("cancelled", "the upload was stopped", { hint: "go on with: hoist resume" });
    await entry.interrupt(errorView(interrupted), seconds);
  } else if (error.code === "captcha" && !cannotResume) {
    // Nothing failed for good: a person is needed, then `resume` goes on.
    await entry.interrupt(errorView(error), seconds);
  } else {
    await entry.finish({ ok: false, error: errorView(error) }, seconds);
  }
}

/** Another process took the upload over: its record is theirs, ours tells why we stopped. */
function lost(record: UploadRecord): UploadRecord {
  const error = new AppError("state", "another process has taken this upload over");
  return { ...record, outcome: { ok: false, error: errorView(error) } };
}

function createProgress({ listen }: RunWorld, entry: LedgerEntry): (delta: number) => void {
  const meter = createMeter(
    (bytes, rate) => listen({ type: "progress", upload: entry.record, bytes, size: entry.record.source.size, rate }),
    () => performance.now(),
  );
  return meter.add;
}

interface Place {
  readonly release: () => void;
  readonly reenter: () => Promise<void>;
  readonly leave: () => Promise<void>;
}

/** The upload's place in its lane and among the run's slots: given up early, taken again, given up in the end. */
function createPlace(lane: Lane, slots: Slots, signal: AbortSignal): Place {
  let inside = true;
  let early = false;
  const leave = async () => {
    inside = false;
    await lane.leave().catch(() => {});
    slots.give();
  };
  return {
    release() {
      if (!inside) return;
      early = true;
      lane.leftEarly();
      void leave();
    },
    async reenter() {
      if (inside) return;
      for (let seen = slots.version; !(slots.free && lane.open && (await lane.enter())); seen = slots.version) {
        await slots.changed(seen, lane.retryInMs, signal);
        signal.throwIfAborted();
      }
      if (early) lane.settled();
      early = false;
      inside = true;
      slots.take();
    },
    async leave() {
      if (inside) await leave();
      if (early) lane.settled();
      slots.wake();
    },
  };
}
