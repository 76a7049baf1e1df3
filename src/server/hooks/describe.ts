import { authKind } from "../../config/hook-auth.ts";
import type { HookSection } from "../../config/hooks-schema.ts";
import { exampleOf } from "./example.ts";
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

/**
 * `origin`: how the sender reaches the server, such as `http://127.0.0.1:7411`; `roots`: those of hooks without their
 * own. Reads no secret.
 */
export function describeHook(
  name: string,
  section: HookSection,
  origin: string,
  roots: readonly string[],
): HookDescription {
  const { preset, auth, methods, rewrite, base } = section;
  const url = `${origin.replace(/\/+$/, "")}/hooks/${name}`;
  const kind = auth === undefined ? null : authKind(auth);
  const folder = folderSeen({ rewrite: rewrite[0]?.[0], base, roots: section.roots ?? roots });
  const example = exampleOf(section, `${folder}/file.bin`);
  return { name, preset, url, setup: PRESET_OF[preset].setup({ url, auth: kind, methods, example }) };
}

/** Where the sender could see a file. */
function folderSeen(places: {
  readonly rewrite: string | undefined;
  readonly base: string | null | undefined;
  readonly roots: readonly string[];
}): string {
  return (places.rewrite ?? places.base ?? places.roots[0] ?? "/srv/media").replace(/\/+$/, "");
}

/** The request a payload would come in: a form when it looks like one, else JSON. */
export function requestOf(body: Uint8Array): HookRequest {
  // Neither begins a form: both are written as %7B and so on there.
  const form = /^[^\s=[{"]+=/.test(new TextDecoder().decode(body.subarray(0, 256)));
  const contentType = form ? "application/x-www-form-urlencoded" : "application/json";
  return { method: "POST", headers: new Headers(), query: new URLSearchParams(), contentType, body };
}

/** A request as the sender would make it; null when only a real payload can tell. */
export function sampleRequest({ preset, rewrite, base, roots }: Hook): HookRequest | null {
  const payload = preset.sample(folderSeen({ rewrite: rewrite[0]?.from, base, roots }));
  return payload === null ? null : requestOf(new TextEncoder().encode(JSON.stringify(payload)));
}
