import { AppError } from "../errors.ts";
import type { HookAuthSection } from "./hooks-schema.ts";
import { type ConfigPlace, readSpec } from "./secret-source.ts";
import type { SecretSpec } from "./secret-spec.ts";

/** What the sender of a hook proves itself with, secrets in the clear. */
export type HookSecret =
  | { readonly kind: "bearer" | "standard" | "github" | "query_token"; readonly secret: string }
  | { readonly kind: "basic"; readonly user: string; readonly secret: string };

const PLAIN_KINDS = ["bearer", "standard", "github", "query_token"] as const;

/** Which proof a section asks for; reads no secret. */
export function authKind(auth: HookAuthSection): HookSecret["kind"] {
  return PLAIN_KINDS.find((kind) => auth[kind] !== undefined) ?? "basic";
}

/** Reads the secret of `hooks.NAME.auth`. Fails with `config`, naming the key. */
export async function readHookSecret(name: string, auth: HookAuthSection, place: ConfigPlace): Promise<HookSecret> {
  const key = `hooks.${name}.auth`;
  if (auth.basic !== undefined) {
    const { user, password } = auth.basic;
    return { kind: "basic", user, secret: await read(`${key}.basic.password`, password, place) };
  }
  for (const kind of PLAIN_KINDS) {
    const spec = auth[kind];
    if (spec !== undefined) return { kind, secret: await read(`${key}.${kind}`, spec, place) };
  }
  throw new AppError("config", `${key} is empty`);
}

async function read(key: string, spec: SecretSpec, place: ConfigPlace): Promise<string> {
  const secret = await readSpec(key, spec, place);
  if (secret !== null) return secret;
  throw new AppError("config", `${key}: its variable is not set`);
}
