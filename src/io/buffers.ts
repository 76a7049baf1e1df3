/** Large enough that a chunk's way through the program costs nothing beside its bytes, small enough for a cache. */
export const BUFFER_SIZE = 1024 * 1024;
/** Buffers kept for the next file: what some uploads side by side have. */
const MOST_KEPT = 16;

const kept: Uint8Array[] = [];

/**
 * `BUFFER_SIZE` bytes of whatever was in them. Used again and again, because fresh memory costs more than what is done
 * with it, and piles up faster than it is collected. Threads can share them: nothing is copied to one that hashes.
 */
export function takeBuffer(): Uint8Array {
  return kept.pop() ?? new Uint8Array(new SharedArrayBuffer(BUFFER_SIZE));
}

/** Nobody reads or writes it any more. */
export function giveBuffer(buffer: Uint8Array): void {
  if (buffer.byteLength === BUFFER_SIZE && kept.length < MOST_KEPT) kept.push(buffer);
}
