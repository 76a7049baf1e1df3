import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ListenAddress } from "../../config/listen-address.ts";
import type { Config } from "../../config/load.ts";
import { FILE_NAMES } from "../../config/names.ts";
import { type Environment, type Place, thisPlace, variable } from "../../config/place.ts";
import { readConfigFile } from "../../config/read-file.ts";
import { pathOfSecret } from "../../config/secret-source.ts";
import { secretsFrom } from "../../config/secret-spec.ts";
import { type ServeRoot, serveListen, serveRoots } from "../../config/serve.ts";
import type { CommandContext } from "../context.ts";

/** Where a service of the whole machine has its configuration, its secrets and its state. */
export const SYSTEM_CONFIG = "/etc/hoist";
export const SYSTEM_STATE = "/var/lib/hoist";

const GRACE_MS = 60_000;

export type Scope = "system" | "user";

/** As typed. */
export interface ServiceChoice {
  readonly scope: Scope;
  /** Null: a user that exists only while the service runs. */
  readonly runAs: string | null;
  readonly groups: readonly string[];
}

/** A file that the service manager hands to the service as a secret. */
export interface Credential {
  /** `ulozto.token`. */
  readonly id: string;
  readonly path: string;
  /** Whether the file is there; a service with one that is not would not start. */
  readonly there: boolean;
}

/** A file of the configuration's own, with the key that names it. */
export interface SecretFile {
  readonly key: string;
  /** Absolute. */
  readonly path: string;
}

/** All that a unit is written from. */
export interface ServiceFacts extends ServiceChoice {
  /** Absolute. */
  readonly program: string;
  /** Behind the program. */
  readonly argv: readonly string[];
  /** Null: the default of the scope. */
  readonly stateDir: string | null;
  /** How long running uploads may go on when it is stopped. */
  readonly graceMs: number;
  readonly listen: ListenAddress;
  readonly roots: readonly ServeRoot[];
  readonly credentials: readonly Credential[];
  /** Secrets that the service has to read itself. */
  readonly secretFiles: readonly SecretFile[];
}

/**
 * Reads the configuration as the service will: without this shell's `HOIST_*`, but for the two that say where things
 * are. Reads no secret and writes nothing. Fails with `config`.
 */
export async function serviceFacts(
  { io, globals }: CommandContext,
  choice: ServiceChoice,
): Promise<{ readonly facts: ServiceFacts; readonly config: Config }> {
  const flags = {
    config: globals.config ?? variable(io.env, "HOIST_CONFIG"),
    stateDir: globals.stateDir ?? variable(io.env, "HOIST_STATE_DIR"),
  };
  await using app = await io.openApp({
    flags,
    env: serviceEnvironment(choice.scope, io.env),
    command: "hoist service",
    history: false,
    listen: () => {},
    log: () => {},
  });
  const { config } = app;
  const named = flags.config === undefined && choice.scope === "system" ? null : config.path;
  const credentials = choice.scope === "system" ? await credentialsOf(config) : [];
  const stateDir = flags.stateDir === undefined && choice.scope === "system" ? null : config.stateDir;
  return {
    config,
    facts: {
      ...choice,
      program: process.execPath,
      argv: [
        "serve",
        ...(named === null ? [] : ["--config", named]),
        ...(stateDir === null ? [] : ["--state-dir", stateDir]),
      ],
      stateDir,
      graceMs: config.serve?.grace ?? GRACE_MS,
      listen: serveListen(config.serve, {}),
      roots: await allRoots(config),
      credentials,
      secretFiles: await secretFilesOf(config.path, credentials, thisPlace(io.env)),
    },
  };
}

/** What this shell has set and a service does not see. */
export function unseenVariables(env: Environment): readonly string[] {
  const elsewhere = ["HOIST_CONFIG", "HOIST_STATE_DIR", "HOIST_SERVER", "HOIST_TOKEN", "HOIST_TOKEN_FILE"];
  return Object.keys(env)
    .filter((name) => name.startsWith("HOIST_") && variable(env, name) !== undefined && !elsewhere.includes(name))
    .sort();
}

function serviceEnvironment(scope: Scope, env: Environment): Environment {
  if (scope === "system") return { CONFIGURATION_DIRECTORY: SYSTEM_CONFIG, STATE_DIRECTORY: SYSTEM_STATE };
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("HOIST_")));
}

/** Those of the server, its tokens and its hooks; a root that is given twice can be written if one of them can. */
async function allRoots({ serve, hooks }: Config): Promise<readonly ServeRoot[]> {
  const lists = [serve?.roots, ...(serve?.tokens ?? []).map(({ roots }) => roots)];
  const ofHooks = Object.values(hooks).map(({ roots }) => roots?.map((path) => ({ path, write: false })));
  const found = await Promise.all([...lists, ...ofHooks].map((roots) => serveRoots({ roots }, {})));
  const all = new Map<string, ServeRoot>();
  for (const root of found.flat()) {
    all.set(root.path, { ...root, write: root.write || all.get(root.path)?.write === true });
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What the service manager hands over counts before what the file says. */
async function secretFilesOf(path: string | null, credentials: readonly Credential[], place: Place) {
  const file = path === null ? null : await readConfigFile({ path, asked: true }, place);
  if (file === null) return [];
  const handed = new Set(credentials.flatMap(({ id, there }) => (there ? [`accounts.${id}`] : [])));
  const found = secretsFrom("file", file.content).filter(({ key }) => !handed.has(key));
  return found.map(({ key, spec }): SecretFile => ({ key, path: pathOfSecret(spec, file.path) }));
}

async function credentialsOf({ accounts }: Config): Promise<readonly Credential[]> {
  const names = [...accounts.values()].flatMap(({ name, host }) =>
    [...host.needs, ...host.accepts].map((secret) => `${name}.${FILE_NAMES[secret]}`),
  );
  return Promise.all(
    [...new Set(names)].map(async (id) => {
      const path = join(SYSTEM_CONFIG, id);
      return { id, path, there: (await stat(path).catch(() => null))?.isFile() === true };
    }),
  );
}
