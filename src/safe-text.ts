/** C0, DEL, C1, the line separators some readers split at, and everything that reorders what a reader sees. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this file is about.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Untrusted text for a terminal or a log: one line, nothing that moves a cursor or turns text around. */
export function safeText(text: string): string {
  return text.toWellFormed().replace(UNSAFE, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`);
}

/** One word of a command line to be copied into a shell: quoted where it would be taken apart or mean something else. */
export function shellWord(text: string): string {
  return /^[\p{L}\p{M}\p{N}_@%+=:,./-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** One line of JSON in which the same characters are `\uXXXX`: safe to show, and a parser gives them back. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Names are shorter on every host. */
const LONGEST_QUOTED = 255;
const SHOWN = 60;

/** A name as a message quotes it: one that can be no name is cut. */
export function briefly(name: string): string {
  if (name.length <= LONGEST_QUOTED) return name;
  const characters = [...name];
  return characters.length <= LONGEST_QUOTED ? name : `${characters.slice(0, SHOWN).join("")}…`;
}
