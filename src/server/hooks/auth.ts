import type { HookSecret } from "../../config/hook-auth.ts";
import { AppError } from "../../errors.ts";
import {
  parseWebhookSecret,
  REFUSED,
  sameSecret,
  type Verdict,
  verifyHubSignature,
  verifyWebhook,
} from "../signatures.ts";
import type { HookRequest } from "./request.ts";

/** How the sender of a hook proves itself. */
export type HookAuth =
  | { readonly kind: "bearer" | "github" | "query_token"; readonly secret: string }
  | { readonly kind: "basic"; readonly user: string; readonly secret: string }
  | { readonly kind: "standard"; readonly key: Uint8Array };

/** Bytes; what is shorter can be guessed. */
const SHORTEST_SECRET = 24;

/** Judges what the config file gives. Fails with `config`, naming the key and never the secret. */
export function prepareAuth(hook: string, found: HookSecret): HookAuth {
  const key = `hooks.${hook}.auth.${found.kind}`;
  switch (found.kind) {
    case "basic":
      if (!found.user.includes(":")) return found;
      throw new AppError("config", `${key}.user contains ":", which no basic login can`);
    case "github":
      return { kind: found.kind, secret: found.secret };
    case "standard": {
      const bytes = parseWebhookSecret(found.secret);
      if (bytes === null) throw new AppError("config", `${key}: the secret is not whsec_ and base64`);
      return { kind: "standard", key: longEnough(key, bytes) };
    }
    default:
      longEnough(key, Buffer.from(found.secret));
      return { kind: found.kind, secret: found.secret };
  }
}

function longEnough(key: string, secret: Uint8Array): Uint8Array {
  if (secret.length >= SHORTEST_SECRET) return secret;
  throw new AppError("config", `${key}: the secret is shorter than ${SHORTEST_SECRET} bytes`, {
    hint: "make a long one with: hoist serve token new",
  });
}

/** Whether the proof covers the body; otherwise it is judged before any of the body is read. */
export function signsBody(auth: HookAuth): boolean {
  return auth.kind === "standard" || auth.kind === "github";
}

/** `body` may be empty where it is not signed. `now` in milliseconds since the epoch. */
export function verifyHook(
  auth: HookAuth,
  { headers, query, body }: Pick<HookRequest, "headers" | "query" | "body">,
  now = Date.now(),
): Verdict {
  switch (auth.kind) {
    case "standard":
      return verifyWebhook(auth.key, headers, body, now);
    case "github":
      return verifyHubSignature(auth.secret, headers, body);
    case "bearer":
      return known(credentials(headers, "bearer"), auth.secret);
    case "basic":
      return known(Buffer.from(credentials(headers, "basic"), "base64"), `${auth.user}:${auth.secret}`);
    case "query_token":
      return known(query.get("token") ?? "", auth.secret);
  }
}

function known(given: string | Uint8Array, expected: string): Verdict {
  return sameSecret(given, expected) ? { ok: true, id: null } : REFUSED;
}

/** What follows the scheme in `Authorization`; empty when it is another scheme. */
function credentials(headers: Headers, scheme: string): string {
  const header = headers.get("authorization") ?? "";
  const space = header.indexOf(" ");
  return header.slice(0, space).toLowerCase() === scheme ? header.slice(space + 1).trim() : "";
}
