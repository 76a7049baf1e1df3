import type { RunOptions } from "../core/inputs.ts";
import { FORMS, parseDuration } from "../core/units.ts";
import { AppError } from "../errors.ts";
import type { Host } from "../hosts/host.ts";
import { buildAccounts, type ConfiguredAccount } from "./accounts.ts";
import type { HookSection } from "./hooks-schema.ts";
import type { NotifySection } from "./notify-schema.ts";
import { configPath, stateDirectory } from "./paths.ts";
import { type Place, thisPlace, variable } from "./place.ts";
import { readConfigFile } from "./read-file.ts";
import type { ServeSection } from "./serve-schema.ts";

/** Defaults of `hoist up`; a flag replaces each. Undefined: the file says nothing. */
export interface UpDefaults {
  /** Destinations as typed. */
  readonly to: readonly string[];
  readonly parallel: number | undefined;
  readonly limitRate: RunOptions["limitRate"] | undefined;
  readonly retries: number | undefined;
  readonly format: string | undefined;
  readonly after: RunOptions["after"] | undefined;
}

export interface Config {
  /** The file that was read; null when there is none. */
  readonly path: string | null;
  readonly stateDir: string;
  /** By name, never empty: each host has an account of its own name. */
  readonly accounts: ReadonlyMap<string, ConfiguredAccount>;
  readonly up: UpDefaults;
  /** By name. */
  readonly hooks: Readonly<Record<string, HookSection>>;
  /** Undefined: the file has no such table. */
  readonly serve: ServeSection | undefined;
  /** In the order of the file. */
  readonly notify: readonly NotifySection[];
  /** The unit of every wait between attempts. */
  readonly retryBaseMs: number;
  /** For people; none of them stops anything. */
  readonly warnings: readonly string[];
}

export interface LoadOptions {
  readonly hosts: Readonly<Record<string, Host>>;
  /** `--config`. */
  readonly config?: string | undefined;
  /** A file that is asked for need not be there yet: the command will make it. */
  readonly makesConfig?: boolean | undefined;
  /** `--state-dir`. */
  readonly stateDir?: string | undefined;
  readonly place?: Place;
}

/** File ← environment ← flags. Fails with `config`. No secret is read and no command run. */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const place = options.place ?? thisPlace();
  const { path, asked } = configPath(options.config, place);
  const file = await readConfigFile({ path, asked: asked && options.makesConfig !== true }, place);
  const up = file?.content.up;
  return {
    path: file?.path ?? null,
    stateDir: stateDirectory(options.stateDir, place),
    accounts: buildAccounts({ hosts: options.hosts, env: place.env, file }),
    up: {
      to: up?.to ?? [],
      parallel: up?.parallel,
      limitRate: up?.limit_rate,
      retries: up?.retries,
      format: up?.format,
      after: up?.after,
    },
    hooks: file?.content.hooks ?? {},
    serve: file?.content.serve,
    notify: file?.content.notify ?? [],
    retryBaseMs: retryBase(place) ?? up?.retry_base ?? 1000,
    warnings: file?.warnings ?? [],
  };
}

function retryBase(place: Place): number | undefined {
  const text = variable(place.env, "HOIST_RETRY_BASE");
  if (text === undefined) return undefined;
  const base = parseDuration(text);
  if (base === null) throw new AppError("config", `HOIST_RETRY_BASE must be ${FORMS.duration}`);
  return base;
}
