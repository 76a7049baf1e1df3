import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** What a check came to. `id` names the message for replay protection; null when the sender gave none. */
export type Verdict = { readonly ok: true; readonly id: string | null } | { readonly ok: false };

/** One answer for every cause: a sender learns nothing from it. */
export const REFUSED: Verdict = { ok: false };

/** How far a signed message's clock may be from ours, in seconds, both edges included. */
export const TOLERANCE_SECONDS = 300;

/** More signatures than a key rotation ever needs are not looked at. */
const MOST_SIGNATURES = 16;

const PREFIX = "whsec_";

/** Compares digests of equal length: neither content nor length shows in the time it takes. */
export function sameSecret(given: string | Uint8Array, expected: string | Uint8Array): boolean {
  return timingSafeEqual(createHash("sha256").update(given).digest(), createHash("sha256").update(expected).digest());
}

/** The key in a Standard Webhooks secret, with or without its `whsec_`; null when it is no base64. */
export function parseWebhookSecret(secret: string): Uint8Array | null {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  if (text === "" || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  return Buffer.from(text, "base64");
}

export interface SignedMessage {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly body: string | Uint8Array;
}

/** The value of `webhook-signature`: `v1,<base64>`. */
export function signWebhook(key: Uint8Array, { id, timestamp, body }: SignedMessage): string {
  const mac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  return `v1,${mac}`;
}

/** Standard Webhooks, on the raw bytes of the body. */
export function verifyWebhook(key: Uint8Array, headers: Headers, body: Uint8Array, now = Date.now()): Verdict {
  const id = headers.get("webhook-id") ?? "";
  const written = headers.get("webhook-timestamp") ?? "";
  if (!/^[\x21-\x7e]{1,256}$/.test(id) || !/^\d{1,12}$/.test(written)) return REFUSED;
  const timestamp = Number(written);
  if (Math.abs(Math.floor(now / 1000) - timestamp) > TOLERANCE_SECONDS) return REFUSED;
  const expected = signWebhook(key, { id, timestamp, body });
  const given = (headers.get("webhook-signature") ?? "").split(" ").slice(0, MOST_SIGNATURES);
  const matching = given.map((signature) => sameSecret(signature, expected));
  return matching.includes(true) ? { ok: true, id } : REFUSED;
}

const DELIVERY_HEADERS = ["x-github-delivery", "x-gitea-delivery", "x-forgejo-delivery"];

/** GitHub's scheme, which Gitea and Forgejo speak too. The delivery id is not covered by the signature. */
export function verifyHubSignature(secret: string, headers: Headers, body: Uint8Array): Verdict {
  const expected = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  const given = headers.get("x-hub-signature-256") ?? "";
  return sameSecret(given, expected) ? { ok: true, id: deliveryId(headers) } : REFUSED;
}

/** GitHub's id of a delivery, or that of a forge that speaks its scheme; null without a usable one. */
export function deliveryId(headers: Headers): string | null {
  for (const name of DELIVERY_HEADERS) {
    const id = headers.get(name);
    if (id !== null && /^[\x21-\x7e]{1,256}$/.test(id)) return id;
  }
  return null;
}
