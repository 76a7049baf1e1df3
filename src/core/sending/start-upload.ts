import { type AppError, toAppError } from "../../errors.ts";
import type { HostSession } from "../../hosts/host.ts";
import type { Phase } from "../../hosts/phase.ts";
import type { Throttle } from "../../io/throttle.ts";
import type { Account } from "../accounts/account.ts";
import type { RunOptions } from "../inputs.ts";
import type { Outcome, UploadRecord } from "../job-store.ts";
import { type LedgerEntry, openLedgerEntry } from "../ledger-entry.ts";
import { type RetryBudget, sleep } from "../retry.ts";
import { openSource } from "../sources/open-source.ts";
import type { QueueWorld } from "./dispatcher.ts";
import { type End, endOf } from "./end-of-upload.ts";
import type { Lane } from "./lane.ts";
import { createMeter, type Meter } from "./meter.ts";
import { createPlace, type Place } from "./place.ts";
import type { Slots } from "./slots.ts";
import { stopSignal } from "./stop-signal.ts";
import { runUpload } from "./upload-task.ts";

export interface RunWorld extends QueueWorld {
  readonly options: RunOptions;
  readonly sessions: (account: Account) => Promise<HostSession>;
  readonly throttle: Throttle | null;
  readonly budget: RetryBudget;
  readonly note: (text: string) => void;
  /** How often the end of an upload is written again to a store that cannot take it, a base apart. */
  readonly endTries: number;
  readonly settle: Settle;
  /** The store cannot be written any more. */
  readonly degraded: (error: AppError) => void;
}

/** Writes down how an upload ended. Fails with `state`. */
export type Settle = (entry: LedgerEntry, end: End, seconds: number) => Promise<void>;

/** The ledger's own: finished, or open to `resume`. */
export const recordEnd: Settle = (entry, end, seconds) =>
  end.kind === "finished" ? entry.finish(end.outcome, seconds) : entry.interrupt(end.error, seconds);

/** Phases worth a moment's wait when a stop is asked for: the answer may be on its way. */
const NEARLY_DONE: ReadonlySet<Phase> = new Set(["finishing", "stored", "placed", "committing"]);

/** Runs a claimed upload and records what it came to. The lane and the slot are given back. */
export async function startUpload(
  world: RunWorld,
  { claimed, lane, slots }: { readonly claimed: UploadRecord; readonly lane: Lane; readonly slots: Slots },
  signal: AbortSignal,
): Promise<UploadRecord> {
  const startedAt = performance.now();
  const again = async (tries: number, { retry }: AppError) => {
    if (tries > world.endTries || signal.aborted || retry.again === false) return false;
    await sleep(world.retryBaseMs, signal).catch(() => {});
    return !signal.aborted;
  };
  const entry = openLedgerEntry({ ...world, again }, claimed);
  const place = createPlace(lane, slots, world.degraded);
  const seconds = () => claimed.seconds + (performance.now() - startedAt) / 1000;
  try {
    const end = await conclude(world, { entry, lane, place }, signal);
    return await record(world, entry, end, seconds());
  } finally {
    lane.captcha.left(claimed.id);
    await place.leave();
  }
}

interface Upload {
  readonly entry: LedgerEntry;
  readonly lane: Lane;
  readonly place: Place;
}

/** How the upload ends in this run. Never throws. */
async function conclude(world: RunWorld, { entry, lane, place }: Upload, signal: AbortSignal): Promise<End> {
  const { account, gate, captcha } = lane;
  using stop = stopSignal(signal, () => NEARLY_DONE.has(entry.record.phase));
  const progress = createProgress(world, entry);
  try {
    world.listen({ type: "start", upload: entry.record });
    using source = await openSource(entry, account, world, progress.add);
    const work = async () => {
      const session = await world.sessions(account);
      return runUpload({ ...world, entry, account, session, gate, captcha, place, source, signal: stop.signal });
    };
    return { kind: "finished", outcome: await stop.race(work()) };
  } catch (thrown) {
    return endOf(thrown, entry.record, account.host, signal, world.store.recorded);
  } finally {
    progress.end();
  }
}

/** What became of an upload is told even where it cannot be recorded. */
async function record(world: RunWorld, entry: LedgerEntry, end: End, seconds: number): Promise<UploadRecord> {
  try {
    await world.settle(entry, end, seconds);
    return entry.record;
  } catch (thrown) {
    const outcome: Outcome = end.kind === "finished" ? end.outcome : { ok: false, error: end.error };
    const upload = { ...entry.record, outcome, seconds };
    if (outcome.ok) world.listen({ type: "unrecorded", upload, why: toAppError(thrown).message });
    return upload;
  }
}

function createProgress({ listen }: RunWorld, entry: LedgerEntry): Meter {
  return createMeter(
    (bytes, rate) => listen({ type: "progress", upload: entry.record, bytes, size: entry.record.source.size, rate }),
    () => performance.now(),
  );
}
