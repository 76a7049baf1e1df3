import { hash } from "node:crypto";
import type { RequestKey } from "../core/serve-store.ts";
import { AppError } from "../errors.ts";
import type { Call } from "./route.ts";

/** `Idempotency-Key`; null without one. Fails with `usage`. */
export function idempotencyKey({ headers }: Pick<Request, "headers">): string | null {
  const key = headers.get("idempotency-key");
  if (key === null || /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new AppError("usage", "Idempotency-Key must be 1 to 255 printable ASCII characters without blanks");
}

/** The key of a request that says `what`; null when it brings none. */
export function requestKey({ request, grant }: Call, what: unknown): RequestKey | null {
  const key = idempotencyKey(request);
  if (key === null) return null;
  return { scope: grant.name, key, hash: hashOf(what) };
}

/** Of JSON: the same for every order of a table's keys. Nesting costs neither stack nor more time than other text. */
export function hashOf(what: unknown): string {
  return hash("sha256", orderedText(what), "hex");
}

type Part = { readonly text: string } | { readonly value: unknown };

/** `JSON.stringify` looks through all that it is inside of at each step inwards. */
function orderedText(what: unknown): string {
  let text = "";
  const rest: Part[] = [{ value: what }];
  for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
    if ("text" in part) text += part.text;
    else if (typeof part.value !== "object" || part.value === null) text += JSON.stringify(part.value);
    else for (const each of partsOf(part.value).reverse()) rest.push(each);
  }
  return text;
}

function partsOf(value: object): Part[] {
  if (Array.isArray(value)) {
    const items = value.map((item, index): Part[] => [{ text: index === 0 ? "" : "," }, { value: item ?? null }]);
    return [{ text: "[" }, ...items.flat(), { text: "]" }];
  }
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const ordered = members.sort(([a], [b]) => (a < b ? -1 : 1));
  const named = ordered.map(([key, member], index): Part[] => [
    { text: `${index === 0 ? "" : ","}${JSON.stringify(key)}:` },
    { value: member },
  ]);
  return [{ text: "{" }, ...named.flat(), { text: "}" }];
}
