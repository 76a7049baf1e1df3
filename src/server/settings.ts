import { realpath } from "node:fs/promises";
import { readHookSecret } from "../config/hook-auth.ts";
import type { Config } from "../config/load.ts";
import type { Environment } from "../config/place.ts";
import type { ServeConfig, ServeToken } from "../config/serve.ts";
import type { Root, Submitter } from "../core/serving/jobs.ts";
import { createDoorman, type Doorman } from "./grant.ts";
import { compileHook } from "./hooks/compile.ts";
import type { Hook } from "./hooks/hook.ts";

export interface ServedHook {
  readonly hook: Hook;
  readonly submitter: Submitter;
}

/** What a running server goes by; a reload replaces all of it at once. */
export interface ServerSettings {
  readonly doorman: Doorman;
  /** `[serve] roots`. */
  readonly roots: readonly Root[];
  /** Those of all tokens and hooks. */
  readonly allRoots: readonly Root[];
  /** `Host` values besides the loopback names. */
  readonly hosts: ReadonlySet<string>;
  readonly publicOrigin: string | null;
  readonly hooks: ReadonlyMap<string, ServedHook>;
  /** Bytes; null: what the disk has, less a reserve. */
  readonly maxSpool: number | null;
}

export interface SettingsInput {
  readonly config: Config;
  readonly serve: ServeConfig;
  /** Those to let in: the configured ones, or the server's own. */
  readonly tokens: readonly ServeToken[];
  readonly env: Environment;
}

/** Reads the hooks' secrets. Fails with `config`, naming the key. */
export async function buildSettings({ config, serve, tokens, env }: SettingsInput): Promise<ServerSettings> {
  const hooks = await Promise.all(Object.keys(config.hooks).map((name) => serveHook(name, config, serve, env)));
  const allRoots = [
    ...serve.roots,
    ...tokens.flatMap(({ roots }) => roots),
    ...hooks.flatMap(({ submitter }) => submitter.roots),
  ];
  return {
    doorman: createDoorman(tokens),
    roots: serve.roots,
    allRoots: [...new Map(allRoots.map((root) => [root.path, root])).values()],
    hosts: new Set(serve.hosts),
    publicOrigin: serve.publicOrigin,
    hooks: new Map(hooks.map((each) => [each.hook.name, each])),
    maxSpool: serve.maxSpool,
  };
}

async function serveHook(name: string, config: Config, serve: ServeConfig, env: Environment): Promise<ServedHook> {
  const section = config.hooks[name];
  if (section === undefined) throw new Error(`hook ${name} has gone`);
  const place = { configPath: config.path ?? "", env };
  const hook = await compileHook({
    name,
    section,
    secret: section.auth === undefined ? null : await readHookSecret(name, section.auth, place),
    accounts: config.accounts,
    defaults: { to: config.up.to, roots: serve.roots.map(({ path }) => path) },
  });
  const roots = await Promise.all(
    hook.roots.map(async (path): Promise<Root> => ({ path: await realpath(path).catch(() => path), write: false })),
  );
  return { hook, submitter: { name: `hook:${name}`, hook: name, roots, mayDelete: false } };
}
