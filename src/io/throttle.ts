/** Limits the bytes per second of everything that shares it. */
export interface Throttle {
  /** Resolves when `bytes` more may be sent. */
  take(bytes: number): Promise<void>;
}

export interface ThrottleOptions {
  /** Bytes per second at this moment; null is no limit. */
  readonly rate: () => number | null;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * A virtual clock: each taker books its bytes behind those already booked and waits for its turn. Idle time is not
 * saved up, so a pause is not followed by a burst.
 */
export function createThrottle({ rate, now, sleep }: ThrottleOptions): Throttle {
  let bookedUntil = 0;
  return {
    async take(bytes) {
      const perSecond = rate();
      if (perSecond === null) return;
      const start = Math.max(bookedUntil, now());
      bookedUntil = start + (bytes / perSecond) * 1000;
      const wait = start - now();
      if (wait > 0) await sleep(wait);
    },
  };
}
