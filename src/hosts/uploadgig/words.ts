import * as v from "valibot";
import { jsonOf } from "../../http/parse.ts";
import type { Answer } from "../../http/request.ts";

const LONGEST = 200;
const sentence = v.fallback(v.optional(v.string()), undefined);
const explained = v.object({ message: sentence, result: sentence });

/** The host's own words in an answer of no known shape: a JSON message, a page's title, a short text. */
export function wordsOf(answer: Answer): string | undefined {
  const json = v.safeParse(explained, jsonOf(answer));
  if (json.success) return json.output.message ?? json.output.result;
  const title = /<title>\s*([^<]+?)\s*<\/title>/i.exec(answer.text)?.[1];
  const text = title ?? answer.text.trim();
  return text !== "" && text.length <= LONGEST && !/[<{]/.test(text) ? text : undefined;
}
