import { AppError } from "../../errors.ts";
import { deliveryId } from "../signatures.ts";
import type { Hook } from "./hook.ts";
import { selectTexts } from "./json-path.ts";
import type { Payload } from "./payload.ts";
import type { FoundFile, FoundFiles } from "./preset.ts";

/** The files a payload names: where the section says, else where the preset knows. */
export function findFiles(hook: Pick<Hook, "preset" | "path">, payload: Payload): FoundFiles {
  const found = hook.preset.find(payload);
  if (hook.path === null) return found;
  const files = selectTexts(hook.path, payload.value).map((path): FoundFile => ({ paths: [path], identity: null }));
  return { ...found, files };
}

/** Which event this is; `explicit` when the sender says that it may come twice. */
export interface EventId {
  readonly id: string;
  readonly explicit: boolean;
}

/** `Idempotency-Key`, else the sender's own id: of its signed message or in its payload. Fails with `usage`. */
export function eventIdOf(auth: Hook["auth"], headers: Headers, inPayload: string | null): EventId | null {
  const explicit = headers.get("idempotency-key");
  if (explicit !== null) {
    if (/^[\x21-\x7e]{1,255}$/.test(explicit)) return { id: explicit, explicit: true };
    throw new AppError("usage", "Idempotency-Key must be 1 to 255 printable ASCII characters without blanks");
  }
  const id = (auth === null ? null : messageId(auth.kind, headers)) ?? inPayload;
  return id === null ? null : { id, explicit: false };
}

function messageId(kind: NonNullable<Hook["auth"]>["kind"], headers: Headers): string | null {
  if (kind === "standard") return headers.get("webhook-id");
  return kind === "github" ? deliveryId(headers) : null;
}
