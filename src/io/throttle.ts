import { createGrain } from "./grain.ts";

/** Limits the bytes per second of everything that shares it. */
export interface Throttle {
  /** Bytes worth taking at once: few enough for an even flow at the rate of this moment. */
  grain(): number;
  /** Resolves when `bytes` more may be sent. Rejects when the throttle's `sleep` does. */
  take(bytes: number): Promise<void>;
}

export interface ThrottleOptions {
  /** Bytes per second at this moment; null is no limit. */
  readonly rate: () => number | null;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** A host must see bytes now and then, and a change of the rate must show: so many grains in a second. */
const GRAINS_PER_SECOND = 8;
const SMALLEST_GRAIN = 1024;

/**
 * A virtual clock: each taker books its bytes behind those already booked and waits for its turn. Idle time is not
 * saved up, so a pause is not followed by a burst.
 */
export function createThrottle({ rate, now, sleep }: ThrottleOptions): Throttle {
  let bookedUntil = 0;
  return {
    grain() {
      const perSecond = rate();
      return perSecond === null
        ? Number.POSITIVE_INFINITY
        : Math.max(SMALLEST_GRAIN, Math.floor(perSecond / GRAINS_PER_SECOND));
    },
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

/** The chunks in pieces as large as the line takes quickly, each when the throttle lets it through. */
export async function* cut(
  chunks: AsyncIterable<Uint8Array>,
  throttle: Throttle | undefined,
): AsyncGenerator<Uint8Array> {
  const grain = createGrain();
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.byteLength; ) {
      const most = Math.min(grain.bytes, throttle?.grain() ?? Number.POSITIVE_INFINITY);
      const piece = chunk.subarray(start, start + most);
      await throttle?.take(piece.byteLength);
      start += piece.byteLength;
      const givenAt = performance.now();
      yield piece;
      grain.took(performance.now() - givenAt);
    }
  }
}
