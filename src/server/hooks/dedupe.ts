import type { RequestName } from "../../core/serve-store.ts";
import { hashOf } from "../request-key.ts";
import type { EventId } from "./find-files.ts";
import type { Hook } from "./hook.ts";
import type { Payload } from "./payload.ts";
import type { FoundFile } from "./preset.ts";

/** What makes a request for a file the same as an earlier one. */
export interface JobKey {
  /** Jobs of equal key are one job, whatever else their requests say; null: every request counts. */
  readonly key: string | null;
  /** What the key is made of, besides the path here. */
  readonly countedBy: EventId["from"] | "file" | null;
}

/** A key that the sender wrote for this purpose comes first, then what tells files apart, then what tells events apart. */
export function jobKeyOf(
  hook: Pick<Hook, "name">,
  identity: FoundFile["identity"],
  event: EventId | null,
  path: string,
): JobKey {
  if (identity !== null && event?.from !== "key") {
    return { key: JSON.stringify([hook.name, "file", ...identity, path]), countedBy: "file" };
  }
  if (event === null) return { key: null, countedBy: null };
  const kind = event.from === "key" ? "key" : "event";
  return { key: JSON.stringify([hook.name, kind, event.id, path]), countedBy: event.from };
}

/** What the request as a whole goes by. An id in the payload names what happened, and not this telling of it. */
export function requestNameOf(
  { name }: Pick<Hook, "name">,
  event: EventId | null,
  payload: Payload,
): RequestName | null {
  if (event === null || event.from === "payload") return null;
  return { key: JSON.stringify([name, "request", event.from, event.id]), hash: hashOf(payload.value) };
}

/** For the person who sets the hook up. Headers, which nobody has offline, are taken to be as the sender's scheme says. */
export function describeCount(
  { preset, authKind }: Pick<Hook, "preset" | "authKind">,
  by: JobKey["countedBy"],
): string {
  if (by === "file") return `queued once for the same ${preset.sameFile}`;
  if (by === "key") return "queued once for its Idempotency-Key";
  if (by === "message" || authKind === "standard" || authKind === "github") {
    return authKind === "github"
      ? "queued once for each delivery id (X-GitHub-Delivery)"
      : "queued once for each webhook-id";
  }
  return by === "payload" ? "queued once for the same event id and path" : "no event id: each call makes a job";
}
