/** Texts that were met before. */
export interface Met {
  /** False when it was met before. */
  add(text: string): boolean;
}

/** Of each text 128 bits. The last word of a slot is never 0 once it is taken. */
const WORDS = 4;
const FIRST_SLOTS = 1024;

/**
 * For very many texts: of each only a part of its SHA-256 is kept, in a fraction of its memory and without anything for
 * the collector to do. Nobody can choose two texts for which it is the same, and by chance it never happens.
 */
export function createMet(): Met {
  const hash = new Uint8Array(Bun.SHA256.byteLength);
  const words = new Uint32Array(hash.buffer, 0, WORDS);
  let table = new Uint32Array(FIRST_SLOTS * WORDS);
  let taken = 0;

  /** Where in the table these words stand, or would. */
  function find(wanted: Uint32Array): number {
    const last = table.length - WORDS;
    for (let at = ((wanted[0] ?? 0) * WORDS) % table.length; ; at = at === last ? 0 : at + WORDS) {
      if (table[at + WORDS - 1] === 0 || wanted.every((word, index) => table[at + index] === word)) return at;
    }
  }

  function grow(): void {
    const old = table;
    table = new Uint32Array(2 * old.length);
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + WORDS - 1] === 0) continue;
      const slot = old.subarray(at, at + WORDS);
      table.set(slot, find(slot));
    }
  }

  return {
    add(text) {
      Bun.SHA256.hash(text, hash);
      words[WORDS - 1] ||= 1;
      const at = find(words);
      if (table[at + WORDS - 1] !== 0) return false;
      table.set(words, at);
      taken += 1;
      // Half full: what is not there is seen after a step or two.
      if (2 * WORDS * taken > table.length) grow();
      return true;
    },
  };
}
