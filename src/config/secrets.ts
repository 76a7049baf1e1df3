import { AppError } from "../errors.ts";
import type { Credentials, Host, SecretName } from "../hosts/host.ts";
import { secretVariable, variableOf } from "./names.ts";
import type { SecretSource } from "./secret-source.ts";

/** What an account may log in with, best level first: environment, credentials directory, config file. */
export type SecretLevels = readonly (readonly SecretSource[])[];

export interface FoundSecret {
  readonly secret: SecretName;
  readonly value: string;
}

type HostSecrets = Pick<Host, "title" | "needs" | "accepts">;

/**
 * The secrets that count. Of the alternatives a host needs one is taken: the best of the highest level that has any.
 * What it only accepts is looked up by itself.
 */
export function readSecrets(host: HostSecrets, levels: SecretLevels): Promise<readonly FoundSecret[]> {
  return search(host, levels, async (source) => {
    const value = await source.read();
    return value === null ? null : { secret: source.secret, value };
  });
}

/** Where those secrets stand, without reading them. */
export function locateSecrets(host: HostSecrets, levels: SecretLevels): Promise<readonly SecretSource[]> {
  return search(host, levels, async (source) => ((await source.there()) ? source : null));
}

type Look<T> = (source: SecretSource) => Promise<T | null>;

async function search<T>(host: HostSecrets, levels: SecretLevels, look: Look<T>): Promise<readonly T[]> {
  const needed = await firstOf(host.needs, levels, look);
  const extra = host.accepts.filter((name) => !host.needs.includes(name));
  const accepted = await Promise.all(extra.map((name) => firstOf([name], levels, look)));
  return [needed, ...accepted].filter((found) => found !== null);
}

async function firstOf<T>(names: readonly SecretName[], levels: SecretLevels, look: Look<T>): Promise<T | null> {
  for (const level of levels) {
    for (const name of names) {
      const source = level.find(({ secret }) => secret === name);
      const found = source === undefined ? null : await look(source);
      if (found !== null) return found;
    }
  }
  return null;
}

/** Fails with `config`, naming what to set, when the login is not complete. */
export function credentialsOf(
  account: {
    readonly name: string;
    readonly user: string;
    readonly host: HostSecrets;
    readonly inFile: boolean;
    readonly levels: SecretLevels;
  },
  found: readonly FoundSecret[],
): Credentials {
  const { name, user, host, inFile, levels } = account;
  const hasSecret = found.some(({ secret }) => host.needs.includes(secret));
  if (user !== "" && hasSecret) {
    return { user, ...Object.fromEntries(found.map(({ secret, value }) => [secret, value])) };
  }
  const named = levels
    .flat()
    .flatMap(({ secret, variable }) => (variable === undefined || !host.needs.includes(secret) ? [] : [variable]));
  const variables = [...host.needs.map((secret) => secretVariable(name, secret)), ...named].join(" or ");
  const missing = [...(user === "" ? [variableOf(name, "USER")] : []), ...(hasSecret ? [] : [variables])];
  throw new AppError(
    "config",
    `the account ${name} (${host.title}) has no login: ${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} not set`,
    {
      hint: `set ${missing.length > 1 ? "them" : "it"}${hasSecret ? "" : " (or …_FILE)"}, or run: ${inFile ? `hoist account remove ${name} && ` : ""}hoist account add ${name}`,
    },
  );
}
