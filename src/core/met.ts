/** Texts that were met before. */
export interface Met {
  has(text: string): boolean;
  /** False when it was met before. */
  add(text: string): boolean;
}

const LOW_53_BITS = 2n ** 53n - 1n;

/**
 * For very many texts: of each only two hashes are kept, in a fraction of its memory. Their seeds are drawn anew each
 * time, so that nobody can choose two texts for which both are the same; by chance it never happens.
 */
export function createMet(): Met {
  const seeds = crypto.getRandomValues(new BigUint64Array(2));
  const hashOf = (text: string, seed: bigint | undefined) => Number(Bun.hash.wyhash(text, seed) & LOW_53_BITS);
  const known = new Map<number, number>();
  /** Second hashes of texts whose first one another text has already. */
  const others = new Set<string>();

  function look(text: string, keep: boolean): boolean {
    const [first, second] = [hashOf(text, seeds[0]), hashOf(text, seeds[1])];
    const there = known.get(first);
    if (there === undefined) {
      if (keep) known.set(first, second);
      return false;
    }
    const other = `${first} ${second}`;
    if (there === second || others.has(other)) return true;
    if (keep) others.add(other);
    return false;
  }

  return { has: (text) => look(text, false), add: (text) => !look(text, true) };
}
