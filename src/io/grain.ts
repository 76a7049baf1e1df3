/** How many bytes are handed over at a time. */
export interface Grain {
  readonly bytes: number;
  /** Milliseconds that the last piece took to be taken. */
  took(ms: number): void;
}

const SMALLEST = 16 * 1024;
const FIRST = 64 * 1024;
const LARGEST = 1024 * 1024;
/** Pieces taken sooner may be larger: each costs the same, whatever is in it. */
const QUICK_MS = 25;
/** Pieces that take longer hide progress, and look like a stall. */
const SLOW_MS = 250;

/** Follows the line: on a fast one the pieces do not count, on a slow one each is a moment's worth. */
export function createGrain(): Grain {
  let bytes = FIRST;
  return {
    get bytes() {
      return bytes;
    },
    took(ms) {
      if (ms < QUICK_MS) bytes = Math.min(LARGEST, bytes * 2);
      else if (ms > SLOW_MS) bytes = Math.max(SMALLEST, bytes / 2);
    },
  };
}
