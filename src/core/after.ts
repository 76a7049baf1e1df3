import type { RunOptions } from "./inputs.ts";

export const AFTER_FORMS = "keep, delete or move:DIR";

/** `--after` and `[up] after` as written; null when it is none of the forms. */
export function parseAfter(text: string): RunOptions["after"] | null {
  if (text === "keep" || text === "delete") return { do: text };
  const directory = /^move:(.+)$/s.exec(text)?.[1];
  return directory === undefined ? null : { do: "move", directory };
}
