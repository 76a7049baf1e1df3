import type { ByteRange, SourceOptions } from "./source.ts";

/** What of a file counts as given: by the start of each range, because a range that is read again replaces itself. */
export interface Given {
  /** The range from `start` on is read anew. */
  begin(start: number): void;
  /** `delta` more bytes of it. */
  add(start: number, delta: number): void;
  /** These ranges count as given and all else as not. */
  recount(ranges: Iterable<ByteRange>): void;
}

export function createGiven(tell: SourceOptions["onBytes"]): Given {
  const given = new Map<number, number>();
  return {
    begin(start) {
      const before = given.get(start) ?? 0;
      if (before > 0) tell?.(-before, false);
      given.delete(start);
    },
    add(start, delta) {
      given.set(start, (given.get(start) ?? 0) + delta);
      tell?.(delta, true);
    },
    recount(ranges) {
      let delta = 0;
      for (const bytes of given.values()) delta -= bytes;
      given.clear();
      for (const { start, end } of ranges) {
        given.set(start, end - start);
        delta += end - start;
      }
      if (delta !== 0) tell?.(delta, false);
    },
  };
}
