import { idempotencyKey } from "../request-key.ts";
import { deliveryId } from "../signatures.ts";
import type { Hook } from "./hook.ts";
import { selectTexts } from "./json-path.ts";
import type { Payload } from "./payload.ts";
import type { FoundFile, FoundFiles } from "./preset.ts";

/** The files a payload names: where the section says, else where the preset knows. */
export function findFiles(hook: Pick<Hook, "preset" | "path">, payload: Payload): FoundFiles {
  const found = hook.preset.find(payload);
  if (hook.path === null) return found;
  const files = selectTexts(hook.path, payload.value).map((path) => fileAt(hook, path));
  return { ...found, files };
}

/** Where paths are looked for, in words. */
export function describeSearch({ preset, pathText }: Pick<Hook, "preset" | "pathText">): string {
  return pathText === null
    ? `paths are looked for where ${preset.name} has them`
    : `paths are looked for at ${pathText}`;
}

/** A file of which nothing but the path is known. */
export function fileAt({ preset }: Pick<Hook, "preset">, path: string): FoundFile {
  return { paths: [path], identity: preset.pathTellsApart ? [] : null };
}

/** Which event this is. */
export interface EventId {
  readonly id: string;
  /** `Idempotency-Key`, the head of a signed message, or what the message says. */
  readonly from: "key" | "message" | "payload";
}

/** `Idempotency-Key`, else the sender's own id: of its signed message or in its payload. Fails with `usage`. */
export function eventIdOf(auth: Hook["auth"], headers: Headers, inPayload: string | null): EventId | null {
  const key = idempotencyKey({ headers });
  if (key !== null) return { id: key, from: "key" };
  const message = auth === null ? null : messageId(auth.kind, headers);
  if (message !== null) return { id: message, from: "message" };
  return inPayload === null ? null : { id: inPayload, from: "payload" };
}

function messageId(kind: NonNullable<Hook["auth"]>["kind"], headers: Headers): string | null {
  if (kind === "standard") return headers.get("webhook-id");
  return kind === "github" ? deliveryId(headers) : null;
}
