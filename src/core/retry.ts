import { AppError } from "../errors.ts";

const CAP_IN_BASES = 60;
/** A `Retry-After` up to this long replaces the drawn wait; a longer one is a cool-down of the whole account. */
export const LONGEST_RETRY_AFTER_MS = 60_000;
const FIRST_COOL_DOWN_IN_BASES = 300;
const LONGEST_COOL_DOWN_IN_BASES = 1_800;

/** Full jitter: anything from nothing to the doubled base, so that many clients do not come back together. */
export function drawBackoffMs(failures: number, baseMs: number, random: () => number = Math.random): number {
  return random() * Math.min(CAP_IN_BASES * baseMs, baseMs * 2 ** Math.min(failures, 30));
}

/** How long an account rests when its host does not say: doubling with each time in a row. */
export function coolDownMs(earlierInARow: number, baseMs: number): number {
  const doubled = FIRST_COOL_DOWN_IN_BASES * 2 ** Math.min(earlierInARow, 30);
  return Math.min(doubled, LONGEST_COOL_DOWN_IN_BASES) * baseMs;
}

/** The longest wait that a timer can hold. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Rejects with `cancelled` as soon as the signal fires. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new AppError("cancelled", "stopped while waiting"));
    };
    const timer = setTimeout(
      () => {
        signal.removeEventListener("abort", stop);
        resolve();
      },
      Math.min(ms, LONGEST_TIMER_MS),
    );
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** Keeps a long queue from hammering a dead host: retries cost, successes earn. */
export interface RetryBudget {
  /** False when no retry is left; the upload fails with what it has. */
  spend(): boolean;
  earn(): void;
}

export function createRetryBudget(size: number): RetryBudget {
  let left = size;
  return {
    spend() {
      if (left < 1) return false;
      left -= 1;
      return true;
    },
    earn() {
      left = Math.min(size, left + 2);
    },
  };
}
