/** How many blocks of one file are sent side by side: as many as errors and the line allow. */
export interface Pace {
  readonly limit: number;
  /** A block of so many bytes took so long, its answer included. */
  stored(bytes: number, tookMs: number): void;
  failed(): void;
}

const MOST = 4;
/** Blocks that take longer are lost whole at a break: fewer at a time are tried. */
const SLOW_MS = 20_000;
/** What fewer blocks at a time may cost: a line that each of them fills only in part needs them all. */
const WORTH_KEEPING = 0.9;

export function createPace(now: () => number): Pace {
  let limit = MOST;
  let ceiling = MOST;
  let calm = 0;
  let settled = false;
  let rateBefore: number | null = null;
  let window = { since: now(), blocks: 0, bytes: 0, ms: 0 };

  const begin = () => {
    window = { since: now(), blocks: 0, bytes: 0, ms: 0 };
  };

  /** Every two blocks per lane: whether the line is slow, and whether one lane less has made it slower. */
  const judge = () => {
    const rate = window.bytes / Math.max(1, now() - window.since);
    const slow = window.ms / window.blocks > SLOW_MS;
    if (rateBefore !== null && rate < rateBefore * WORTH_KEEPING) {
      ceiling += 1;
      limit = ceiling;
      settled = true;
      rateBefore = null;
    } else if (slow && !settled && limit > 1) {
      rateBefore = rate;
      ceiling = limit - 1;
      limit = ceiling;
    } else rateBefore = null;
    begin();
  };

  return {
    get limit() {
      return limit;
    },
    stored(bytes, tookMs) {
      window.blocks += 1;
      window.bytes += bytes;
      window.ms += tookMs;
      calm += 1;
      if (calm >= 2 * limit && limit < ceiling) {
        limit += 1;
        calm = 0;
        begin();
      } else if (window.blocks >= 2 * limit) judge();
    },
    failed() {
      limit = Math.max(1, Math.floor(limit / 2));
      calm = 0;
      rateBefore = null;
      begin();
    },
  };
}
