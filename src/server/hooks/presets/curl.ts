import type { Json } from "../../../json.ts";
import { safeJson } from "../../../safe-text.ts";
import type { SenderSetup } from "../preset.ts";

/** Stands where the person puts the secret. */
export const SECRET = "HOOK_SECRET";

/** The URL as the sender needs it. */
export function urlFor({ url, auth }: SenderSetup): string {
  return auth === "query_token" ? `${url}?token=${SECRET}` : url;
}

/** A command line that sends `fields` as a form; understood alike by shells and by programs that only split words. */
export function curlCommand(sender: SenderSetup, fields: readonly string[], separator = " "): string {
  return curl(sender, fields.map(urlEncoded), separator);
}

/** The same in the query, by GET. */
export function curlQuery(sender: SenderSetup, fields: readonly string[]): string {
  return curl(sender, ["-G", ...fields.map(urlEncoded)]);
}

/** For shells. */
export function curlJson(sender: SenderSetup, json: Json): string {
  const body = safeJson(json).replaceAll("'", "'\\''");
  return curl(sender, ['-H "Content-Type: application/json"', `-d '${body}'`]);
}

function curl(sender: SenderSetup, what: readonly string[], separator = " "): string {
  return ["curl -fsS -m 30 --retry 5", ...authArguments(sender), ...what, `"${urlFor(sender)}"`].join(separator);
}

function urlEncoded(field: string): string {
  return `--data-urlencode "${field}"`;
}

function authArguments({ auth }: SenderSetup): string[] {
  if (auth === "basic") return [`-u "USER:${SECRET}"`];
  return auth === "query_token" ? [] : [`-H "Authorization: Bearer ${SECRET}"`];
}

/** What to say when the sender cannot do what the hook asks for; none when it can. */
export function unableToSign({ auth }: SenderSetup, instead: string): string[] {
  return auth === "standard" || auth === "github"
    ? [`This sender cannot sign: give the hook auth = { ${instead} = … } instead.`]
    : [];
}
