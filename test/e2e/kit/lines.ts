/** One JSON object of stdout, read loosely: a test says what it expects of it. */
// biome-ignore lint/suspicious/noExplicitAny: the shape is what the tests are about
export type Json = any;

/** Every line of `text` as JSON; fails on anything else between them. */
export function parseLines(text: string): readonly Json[] {
  if (text === "") return [];
  if (!text.endsWith("\n")) throw new Error(`stdout does not end with a newline: ${JSON.stringify(text.slice(-80))}`);
  return text
    .slice(0, -1)
    .split("\n")
    .map((line) => {
      try {
        return JSON.parse(line);
      } catch {
        throw new Error(`not JSON on stdout: ${JSON.stringify(line)}`);
      }
    });
}
