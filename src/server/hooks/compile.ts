import { authKind, type HookSecret } from "../../config/hook-auth.ts";
import type { HookSection } from "../../config/hooks-schema.ts";
import type { Account } from "../../core/accounts/account.ts";
import { type Destination, parseDestinations } from "../../core/planning/destinations.ts";
import { AppError, toAppError } from "../../errors.ts";
import { prepareAuth } from "./auth.ts";
import { compileCondition } from "./conditions.ts";
import { compileDestination, type DestinationTemplate, fixedDestination } from "./destination-template.ts";
import type { Hook } from "./hook.ts";
import { JSON_PATH_FORMS, type JsonPath, parseJsonPath } from "./json-path.ts";
import { plainPath } from "./paths.ts";
import { PRESET_OF } from "./presets.ts";

export interface HookInput {
  readonly name: string;
  readonly section: HookSection;
  /** Already read; null when the section has no `auth`, or when nobody will be let in (`hooks test`). */
  readonly secret: HookSecret | null;
  readonly accounts: ReadonlyMap<string, Account>;
  /** What holds where the section says nothing. */
  readonly defaults: {
    /** `[up] to`, as typed: braces mean nothing there. */
    readonly to: readonly string[];
    /** `[serve] roots`. */
    readonly roots: readonly string[];
  };
}

/** Fails with `config`, naming the key. */
export async function compileHook({ name, section, secret, accounts, defaults }: HookInput): Promise<Hook> {
  const key = `hooks.${name}`;
  return {
    name,
    preset: PRESET_OF[section.preset],
    auth: secret === null ? null : prepareAuth(name, secret),
    authKind: section.auth === undefined ? null : authKind(section.auth),
    methods: section.methods,
    to: compileDestinations(`${key}.to`, section.to, defaults.to, accounts),
    base: section.base === undefined ? null : plain(`${key}.base`, section.base),
    rewrite: section.rewrite.map(([from, to], index) => ({
      from: plain(`${key}.rewrite[${index}][0]`, from),
      to: plain(`${key}.rewrite[${index}][1]`, to),
    })),
    roots: (section.roots ?? defaults.roots).map((root, index) => plain(`${key}.roots[${index}]`, root)),
    settleMs: section.settle,
    path: compilePath(`${key}.path`, section.path),
    pathText: section.path ?? null,
    namePath: compilePath(`${key}.name`, section.name),
    when: await Promise.all(section.when.map((line, index) => compileCondition(`${key}.when[${index}]`, line))),
  };
}

function compileDestinations(
  key: string,
  own: readonly string[] | undefined,
  fallback: readonly string[],
  accounts: HookInput["accounts"],
): readonly DestinationTemplate[] {
  if (own !== undefined) return parsed(key, own, accounts).map((destination) => compileDestination(key, destination));
  if (fallback.length > 0) return parsed("up.to", fallback, accounts).map(fixedDestination);
  throw new AppError("config", `${key} is missing`, { hint: 'name a destination, such as to = ["ulozto:/Series"]' });
}

function parsed(key: string, values: readonly string[], accounts: HookInput["accounts"]): readonly Destination[] {
  try {
    return parseDestinations(values, accounts);
  } catch (error) {
    const failure = toAppError(error);
    throw failure.code === "usage" ? failure.with({ code: "config", message: `${key}: ${failure.message}` }) : failure;
  }
}

function plain(key: string, path: string): string {
  const found = plainPath(path);
  if (found === null) throw new AppError("config", `${key} is no path`);
  return found;
}

function compilePath(key: string, text: string | undefined): JsonPath | null {
  if (text === undefined) return null;
  const path = parseJsonPath(text);
  if (path === null) throw new AppError("config", `${key} is no path into the payload; write ${JSON_PATH_FORMS}`);
  return path;
}
