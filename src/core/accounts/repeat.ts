import { type AppError, ERROR_CLASSES, toAppError } from "../../errors.ts";
import type { EngineListener } from "../events.ts";
import { drawBackoffMs, sleep } from "../retry.ts";
import { formatDuration } from "../units.ts";
import type { Account } from "./account.ts";

/** Failures in a row that are waited out for something that is no upload. */
const MOST_FAILURES = 5;

export interface RepeatOptions {
  /** Milliseconds: the unit of the waits. */
  readonly retryBaseMs: number;
  readonly signal: AbortSignal;
  /** Told before each wait. */
  readonly onRetry: (error: AppError, waitMs: number) => void;
}

/**
 * Tries something that is no upload again, as uploads are: after failures that are safe to repeat, later and later. A
 * host that asked to be left alone is not asked again. `restart` begins the count anew. Fails with the last failure.
 */
export async function repeat<T>(
  work: (restart: () => void) => Promise<T>,
  { retryBaseMs, signal, onRetry }: RepeatOptions,
): Promise<T> {
  let failures = 0;
  const restart = () => {
    failures = 0;
  };
  for (;;) {
    try {
      return await work(restart);
    } catch (thrown) {
      const error = toAppError(thrown);
      const again = error.retry.again ?? ERROR_CLASSES[error.code].retry;
      if (!again || error.retry.coolDownMs !== undefined || failures >= MOST_FAILURES || signal.aborted) throw error;
      const waitMs = error.retry.afterMs ?? drawBackoffMs(failures, retryBaseMs);
      failures += 1;
      onRetry(error, waitMs);
      await sleep(waitMs, signal);
    }
  }
}

/** Tells a person why it takes longer. */
export function noteRetry({ name }: Account, listen: EngineListener): RepeatOptions["onRetry"] {
  return ({ message }, waitMs) =>
    listen({ type: "note", text: `${name}: ${message}; trying again in ${formatDuration(waitMs)}` });
}
