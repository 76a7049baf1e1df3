import { authKind } from "../../config/hook-auth.ts";
import type { HookSection } from "../../config/hooks-schema.ts";
import type { Hook } from "./hook.ts";
import { PRESET_OF } from "./presets.ts";
import type { HookRequest } from "./request.ts";

export interface HookDescription {
  readonly name: string;
  readonly preset: string;
  /** Without the token of a hook that takes it in the query. */
  readonly url: string;
  /** What to do in the sender: lines to read or paste, without any secret. */
  readonly setup: readonly string[];
}

/** `origin`: how the sender reaches the server, such as `http://127.0.0.1:7411`. Reads no secret. */
export function describeHook(name: string, { preset, auth }: HookSection, origin: string): HookDescription {
  const url = `${origin.replace(/\/+$/, "")}/hooks/${name}`;
  const kind = auth === undefined ? null : authKind(auth);
  return { name, preset, url, setup: PRESET_OF[preset].setup({ url, auth: kind }) };
}

/** The request a payload would come in: JSON when it looks like it, else a form. */
export function requestOf(body: Uint8Array): HookRequest {
  const json = /^\s*[[{"]/.test(new TextDecoder().decode(body.subarray(0, 256)));
  const contentType = json ? "application/json" : "application/x-www-form-urlencoded";
  return { method: "POST", headers: new Headers(), query: new URLSearchParams(), contentType, body };
}

/** A request as the sender would make it; null when only a real payload can tell. */
export function sampleRequest({ preset, rewrite, base, roots }: Hook): HookRequest | null {
  const payload = preset.sample(rewrite[0]?.from ?? base ?? roots[0] ?? "/srv/media");
  return payload === null ? null : requestOf(new TextEncoder().encode(JSON.stringify(payload)));
}
