import { AppError, type ErrorView, toAppError } from "../errors.ts";
import type { Phase } from "../hosts/phase.ts";
import type { Json } from "../json.ts";
import type { JobStore, Outcome, SourceRecord, UploadRecord } from "./job-store.ts";

/** The record of an upload this process owns, kept in step with the store. */
export interface LedgerEntry {
  /** As last written. */
  readonly record: UploadRecord;
  /** Durable when it resolves. Fails with `state` when another process owns the upload now, or when it has ended. */
  phase(phase: Phase, checkpoint?: Json | null): Promise<void>;
  source(source: SourceRecord): Promise<void>;
  attempt(): Promise<void>;
  finish(outcome: Outcome, seconds: number): Promise<void>;
  interrupt(error: ErrorView, seconds: number): Promise<void>;
}

export interface LedgerWorld {
  readonly store: JobStore;
  /** The store cannot be written. */
  readonly degraded: (error: AppError) => void;
  /** Waits before the end of an upload is written once more, after `tries` in vain, the last with `error`; false: it is given up. */
  readonly again: (tries: number, error: AppError) => Promise<boolean>;
}

/**
 * A store that cannot be written (disk full, locked) does not stop a running upload: its record goes on in memory
 * and `degraded` is told. Its end is written again, because nothing else would tell a later start what became of it,
 * and fails with `state` when that is given up. Only a lost fence stops it.
 */
export function openLedgerEntry({ store, degraded, again }: LedgerWorld, claimed: UploadRecord): LedgerEntry {
  let record: UploadRecord = { ...claimed, outcome: null };
  const { id, fence } = claimed;
  // The next attempt may begin while this one's record still waits.
  let { attempts } = claimed;
  let ended = false;
  async function write(change: Partial<UploadRecord>, durably: () => Promise<void>): Promise<void> {
    // Work that a stop has left to itself may still report: its upload is recorded already.
    if (ended) throw new AppError("cancelled", "the upload has ended");
    ended = change.outcome !== undefined;
    for (let tries = 1; ; tries += 1) {
      try {
        await durably();
        break;
      } catch (thrown) {
        const error = toAppError(thrown);
        if (error.code !== "state" || (await isLost())) throw error;
        degraded(error);
        if (!ended) break;
        if (await again(tries, error)) continue;
        record = { ...record, ...change };
        throw error;
      }
    }
    record = { ...record, ...change };
  }
  async function isLost(): Promise<boolean> {
    return store.get(id).then(
      (stored) => stored === null || stored.fence !== fence || stored.state !== "running",
      () => false,
    );
  }
  return {
    get record() {
      return record;
    },
    async phase(phase, checkpoint) {
      // A host that shares work between uploads may still hold one that has ended: no fault of the store.
      if (record.outcome !== null) throw new AppError("state", "the upload has ended");
      await write({ phase, ...(checkpoint === undefined ? {} : { checkpoint }) }, () =>
        store.savePhase(id, fence, phase, checkpoint),
      );
    },
    source: (source) => write({ source }, () => store.saveSource(id, fence, source)),
    attempt() {
      attempts += 1;
      return write({ attempts }, () => store.startAttempt(id, fence));
    },
    finish: (outcome, seconds) =>
      write({ outcome, seconds, state: stateOf(outcome), finishedAt: Date.now() }, () =>
        store.finish(id, fence, outcome, seconds),
      ),
    interrupt: (error, seconds) =>
      write({ outcome: { ok: false, error }, seconds, state: "interrupted" }, () =>
        store.interrupt(id, fence, error, seconds),
      ),
  };
}

function stateOf(outcome: Outcome): UploadRecord["state"] {
  if (outcome.ok) return "done";
  return outcome.error.code === "outcome_unknown" ? "unknown" : "failed";
}
