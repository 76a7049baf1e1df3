import type { ByteRange, SourceOptions } from "./source.ts";

/** What of a file counts as given: by the start of each range, because a range that is read again replaces itself. */
export interface Given {
  /** The range from `start` on is read anew. */
  begin(start: number): Turn;
  /** These ranges count as given and all else as not. */
  recount(ranges: Iterable<ByteRange>): void;
}

/** One reading of a range. */
export interface Turn {
  /** `delta` more bytes of it; they do not count once the range is read anew. */
  add(delta: number): void;
}

export function createGiven(tell: SourceOptions["onBytes"]): Given {
  const given = new Map<number, number>();
  const turns = new Map<number, Turn>();
  return {
    begin(start) {
      const before = given.get(start) ?? 0;
      if (before > 0) tell?.(-before, false);
      given.delete(start);
      const turn: Turn = {
        add(delta) {
          if (turns.get(start) !== turn) return;
          given.set(start, (given.get(start) ?? 0) + delta);
          tell?.(delta, true);
        },
      };
      turns.set(start, turn);
      return turn;
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
