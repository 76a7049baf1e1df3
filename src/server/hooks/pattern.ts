import { AppError } from "../../errors.ts";

const LONGEST_PATTERN = 512;
/** UTF-16 units; a longer text matches nothing. */
const LONGEST_TEXT = 4096;

/**
 * A pattern of the config file, found anywhere in a text that a sender chose. RE2's engine takes time linear in the
 * text: JavaScript's own needs minutes for forty characters against `(a+)+$`. Fails with `config`.
 */
export async function compilePattern(key: string, pattern: string): Promise<(text: string) => boolean> {
  if (pattern.length > LONGEST_PATTERN) {
    throw new AppError("config", `${key} is longer than ${LONGEST_PATTERN} characters`);
  }
  // Loading the engine costs more than a whole start; most configurations have no pattern.
  const { RE2JS, RE2JSException } = await import("re2js");
  try {
    const compiled = RE2JS.compile(pattern);
    return (text) => text.length <= LONGEST_TEXT && compiled.matcher(text).find();
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    throw new AppError("config", `${key} is no valid pattern`, {
      hint: "RE2 syntax: no lookaround, no back references; in TOML write it in single quotes",
    });
  }
}
