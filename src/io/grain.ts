/** How many bytes are handed over at a time. */
export interface Grain {
  readonly bytes: number;
  /** Milliseconds that the last piece took to be taken. */
  took(ms: number): void;
}

const SMALLEST = 16 * 1024;
const FIRST = 64 * 1024;
/** As long as all of it may lie in the buffers of the system, which take everything at once, whatever the line carries. */
const LARGEST_UNPROVEN = 256 * 1024;
const PROVEN_AFTER = 16 * 1024 * 1024;
const LARGEST = 1024 * 1024;
/** Pieces taken sooner may be larger: each costs the same, whatever is in it. */
const QUICK_MS = 25;
/** Pieces that take longer hide progress, and look like a stall. */
const SLOW_MS = 250;

/** Follows the line: on a fast one the pieces do not count, on a slow one each is a moment's worth. */
export function createGrain(): Grain {
  let bytes = FIRST;
  let taken = 0;
  return {
    get bytes() {
      return bytes;
    },
    took(ms) {
      taken += bytes;
      const largest = taken < PROVEN_AFTER ? LARGEST_UNPROVEN : LARGEST;
      if (ms < QUICK_MS) bytes = Math.min(largest, bytes * 2);
      else if (ms > SLOW_MS) bytes = Math.max(SMALLEST, bytes / 2);
    },
  };
}
