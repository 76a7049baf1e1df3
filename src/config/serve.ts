import { realpath } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { AppError } from "../errors.ts";
import {
  DEFAULT_LISTEN,
  describeListen,
  isLocal,
  LISTEN_FORMS,
  type ListenAddress,
  parseListen,
} from "./listen-address.ts";
import { type Environment, type Place, variable } from "./place.ts";
import { readSpec } from "./secret-source.ts";
import type { SecretSpec } from "./secret-spec.ts";
import { HOST_HEADER, type RootSpec, type Scope, type ServeSection, type TokenSection } from "./serve-schema.ts";
import { secretOfVariable } from "./variable-secret.ts";

export interface ServeRoot {
  /** Absolute, symlinks resolved where it exists, without a trailing slash. */
  readonly path: string;
  readonly write: boolean;
}

export interface ServeToken {
  readonly name: string;
  readonly secret: string;
  readonly scopes: readonly Scope[];
  readonly roots: readonly ServeRoot[];
}

/** Everything a server needs to know, secrets read. Durations in milliseconds, sizes in bytes. */
export interface ServeConfig {
  readonly listen: ListenAddress;
  readonly socketMode: number;
  readonly parallel: number;
  readonly graceMs: number;
  /** Empty: none is configured, and the server makes one for itself. */
  readonly tokens: readonly ServeToken[];
  readonly roots: readonly ServeRoot[];
  readonly rewrite: readonly (readonly [string, string])[];
  /** `Host` values besides the loopback names, lower case. */
  readonly hosts: readonly string[];
  /** Origin under which a proxy offers this server; null without one. */
  readonly publicOrigin: string | null;
  /** Null: what the disk has, less a reserve. */
  readonly maxSpool: number | null;
  readonly maxQueue: number;
  readonly keepMs: number;
  readonly callbackHosts: readonly string[];
  /** As configured, `whsec_` and base64; null: no callbacks. */
  readonly callbackSecret: string | null;
  /** For people; none of them stops anything. */
  readonly warnings: readonly string[];
}

/** As typed; undefined: not given. */
export interface ServeFlags {
  readonly listen?: string | undefined;
  readonly parallel?: number | undefined;
  readonly graceMs?: number | undefined;
  readonly allowHosts?: readonly string[] | undefined;
}

export interface ServeInput {
  readonly section: ServeSection | undefined;
  /** Null without a file. */
  readonly configPath: string | null;
  readonly place: Pick<Place, "env" | "platform">;
  readonly flags: ServeFlags;
}

/** Bytes; what is shorter can be guessed. */
const SHORTEST_TOKEN = 24;

/** File ← environment ← flags. Reads the secrets. Fails with `config` or `usage`, naming key, variable or flag. */
export async function resolveServe({ section, configPath, place, flags }: ServeInput): Promise<ServeConfig> {
  const { env } = place;
  const warnings: string[] = [];
  const roots = await serveRoots(section, env, warnings);
  const listen = serveListen(section, env, flags.listen);
  const secrets = { configPath: configPath ?? "", env };
  const tokens = [
    ...(await tokenOfVariable(env, roots)),
    ...(await Promise.all(
      (section?.tokens ?? []).map((each, index) => readToken(each, index, roots, secrets, warnings)),
    )),
  ];
  const twin = tokens.find(({ secret }, index) => tokens.findIndex((other) => other.secret === secret) !== index);
  if (twin !== undefined) throw new AppError("config", `the token ${twin.name} has the secret of another token`);
  if (tokens.length === 0 && !isLocal(listen)) throw noToken(listen);
  if (place.platform === "win32" && (roots.length > 0 || tokens.some((each) => each.roots.length > 0))) {
    throw new AppError("config", "serve.roots: on Windows a server cannot offer files of this machine yet", {
      hint: "leave roots out; files can be sent with PUT",
    });
  }
  return {
    listen,
    socketMode: section?.socket_mode ?? 0o600,
    parallel: flags.parallel ?? section?.parallel ?? 4,
    graceMs: flags.graceMs ?? section?.grace ?? 60_000,
    tokens,
    roots,
    rewrite: section?.rewrite ?? [],
    hosts: [...(section?.hosts ?? []), ...hostsOfVariable(env), ...hostsOfFlags(flags)].map((each) =>
      each.toLowerCase(),
    ),
    publicOrigin: section?.public_url ?? null,
    maxSpool: section?.max_spool ?? null,
    maxQueue: section?.max_queue ?? 250_000,
    keepMs: section?.keep ?? 30 * 86_400_000,
    callbackHosts: section?.callback_hosts ?? [],
    callbackSecret: await readCallbackSecret(section?.callback_secret, secrets),
    warnings,
  };
}

/** `[serve] roots` or those of the environment. Fails with `config`. */
export async function serveRoots(
  section: Pick<ServeSection, "roots"> | undefined,
  env: Environment,
  warnings: string[] = [],
): Promise<readonly ServeRoot[]> {
  return resolveRoots(rootsOfVariable(env) ?? section?.roots ?? [], warnings);
}

/** Fails with `config` or `usage`. */
export function serveListen(
  section: Pick<ServeSection, "listen"> | undefined,
  env: Environment,
  flag?: string,
): ListenAddress {
  return listenOf(flag, env) ?? section?.listen ?? DEFAULT_LISTEN;
}

function listenOf(flag: string | undefined, env: Environment): ListenAddress | undefined {
  const fromEnv = variable(env, "HOIST_SERVE_LISTEN");
  const text = flag ?? fromEnv;
  if (text === undefined) return undefined;
  const parsed = parseListen(text);
  if (parsed !== null) return parsed;
  const hint = `write ${LISTEN_FORMS}`;
  if (flag !== undefined) throw new AppError("usage", `--listen does not understand "${flag}"`, { hint });
  throw new AppError("config", "HOIST_SERVE_LISTEN is no address to listen on", { hint });
}

function noToken(listen: ListenAddress): AppError {
  return new AppError("config", `others can reach ${describeListen(listen)}, and no token is configured`, {
    hint: "make one with: hoist serve token new; then set HOIST_SERVE_TOKEN_FILE or [[serve.tokens]]",
  });
}

/** Colons separate, as in PATH, or commas; each entry is absolute. */
function rootsOfVariable(env: Environment): readonly RootSpec[] | null {
  const text = variable(env, "HOIST_SERVE_ROOTS");
  if (text === undefined) return null;
  const paths = text.split(/[:,](?=\/)/);
  if (paths.some((path) => !isAbsolute(path))) {
    throw new AppError("config", "HOIST_SERVE_ROOTS must be absolute paths, separated by colons");
  }
  return paths.map((path) => ({ path, write: false }));
}

/** A directory that is not mounted yet holds no file; it is no reason not to serve the others. */
async function resolveRoots(specs: readonly RootSpec[], warnings: string[]): Promise<readonly ServeRoot[]> {
  return Promise.all(
    specs.map(async ({ path, write }) => {
      const plain = resolve(path);
      const real = await realpath(plain).catch(() => null);
      if (real === null) warnings.push(`the root ${plain} is not there`);
      return { path: real ?? plain, write };
    }),
  );
}

async function tokenOfVariable(env: Environment, roots: readonly ServeRoot[]): Promise<readonly ServeToken[]> {
  const name = "HOIST_SERVE_TOKEN";
  const secret = await secretOfVariable(name, env);
  if (secret === null) return [];
  return [{ name: "environment", secret: longEnough(name, secret), scopes: ["submit", "read"], roots }];
}

async function readToken(
  token: TokenSection,
  index: number,
  roots: readonly ServeRoot[],
  secrets: { readonly configPath: string; readonly env: Environment },
  warnings: string[],
): Promise<ServeToken> {
  const key = `serve.tokens[${index}].secret`;
  const secret = await readSpec(key, token.secret, secrets);
  if (secret === null) throw new AppError("config", `${key}: its variable is not set`);
  return {
    name: token.name,
    secret: longEnough(key, secret),
    scopes: token.scopes,
    roots: token.roots === undefined ? roots : await resolveRoots(token.roots, warnings),
  };
}

function longEnough(key: string, secret: string): string {
  if (Buffer.byteLength(secret) < SHORTEST_TOKEN) {
    throw new AppError("config", `${key}: the token is shorter than ${SHORTEST_TOKEN} bytes`, {
      hint: "make a long one with: hoist serve token new",
    });
  }
  if (/^[\x21-\x7e]+$/.test(secret)) return secret;
  throw new AppError("config", `${key}: the token has characters that no Authorization header can carry`, {
    hint: "make one with: hoist serve token new",
  });
}

function hostsOfVariable(env: Environment): readonly string[] {
  const hosts = (variable(env, "HOIST_SERVE_HOSTS") ?? "").split(/[\s,]+/).filter((host) => host !== "");
  if (hosts.every((host) => HOST_HEADER.test(host))) return hosts;
  throw new AppError("config", "HOIST_SERVE_HOSTS must be hosts as clients write them, such as hoist:7411");
}

function hostsOfFlags({ allowHosts = [] }: ServeFlags): readonly string[] {
  const wrong = allowHosts.find((host) => !HOST_HEADER.test(host));
  if (wrong === undefined) return allowHosts;
  throw new AppError("usage", `--allow-host does not understand "${wrong}"`, {
    hint: "write a host as clients do, such as hoist.example or hoist:7411",
  });
}

async function readCallbackSecret(
  spec: SecretSpec | undefined,
  secrets: { readonly configPath: string; readonly env: Environment },
): Promise<string | null> {
  if (spec === undefined) return null;
  const key = "serve.callback_secret";
  const secret = await readSpec(key, spec, secrets);
  if (secret === null) throw new AppError("config", `${key}: its variable is not set`);
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (encoded === undefined || Buffer.from(encoded, "base64").length < SHORTEST_TOKEN) {
    throw new AppError(
      "config",
      `${key}: the secret is not whsec_ and the base64 of at least ${SHORTEST_TOKEN} bytes`,
      {
        hint: "make one with: hoist serve token new",
      },
    );
  }
  return secret;
}
