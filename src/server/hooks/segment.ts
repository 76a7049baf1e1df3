// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this file is about.
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Surrogate}/gu;

/** A value that a sender chose, as one part of a folder or as a name: it can neither leave its place nor make another. */
export function safeSegment(value: string): string {
  return value
    .split("/")
    .map((part) => (part === "." || part === ".." ? "_" : part))
    .join("_")
    .replace(UNFIT, "_");
}
