/** The candidate that needs the fewest edits to become `typed`, letter case ignored; undefined without candidates. */
export function nearest(typed: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const edits = editDistance(typed.toLowerCase(), candidate.toLowerCase());
    if (edits < least) {
      best = candidate;
      least = edits;
    }
  }
  return best;
}

/** Like `nearest`, but only what a slip of the fingers explains: at most a third of the letters differ. */
export function didYouMean(typed: string, candidates: Iterable<string>): string | undefined {
  const best = nearest(typed, candidates);
  if (best === undefined) return undefined;
  const allowed = Math.max(1, Math.floor(Math.max(typed.length, best.length) / 3));
  return editDistance(typed.toLowerCase(), best.toLowerCase()) <= allowed ? best : undefined;
}

/** The start of a hint on a name that is not known: a question where one is near, else nothing. */
export function didYouMeanFirst(typed: string, candidates: Iterable<string>): string {
  const wanted = didYouMean(typed, candidates);
  return wanted === undefined ? "" : `did you mean ${wanted}? `;
}

/** Optimal string alignment: insert, delete, replace, or swap two neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let edits = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        edits = Math.min(edits, at(beforeLast, column - 2) + 1);
      }
      current.push(edits);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
