import { hash } from "node:crypto";
import type { RequestKey } from "../core/serve-store.ts";
import { AppError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Call } from "./route.ts";

/** `Idempotency-Key`; null without one. Fails with `usage`. */
export function idempotencyKey({ headers }: Pick<Request, "headers">): string | null {
  const key = headers.get("idempotency-key");
  if (key === null || /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new AppError("usage", "Idempotency-Key must be 1 to 255 printable ASCII characters without blanks");
}

/** The key of a request that says `what`; null when it brings none. */
export function requestKey({ request, grant }: Call, what: Json): RequestKey | null {
  const key = idempotencyKey(request);
  if (key === null) return null;
  return { scope: grant.name, key, hash: hashOf(what) };
}

/** Of JSON: the same for every order of a table's keys. Nesting costs no stack. */
export function hashOf(what: unknown): string {
  return hash("sha256", JSON.stringify(what, ordered), "hex");
}

function ordered(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
