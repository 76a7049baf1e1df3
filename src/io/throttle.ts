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

/** Chunks no larger than what the throttle lets through at once, each when it does. */
export async function* cut(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  throttle: Throttle | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const chunk of chunks) {
    if (throttle === undefined) yield chunk;
    else {
      for (let start = 0; start < chunk.byteLength; ) {
        const piece = chunk.subarray(start, start + throttle.grain());
        await throttle.take(piece.byteLength);
        start += piece.byteLength;
        yield piece;
      }
    }
  }
}
