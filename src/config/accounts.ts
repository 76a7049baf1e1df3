import type { Account } from "../core/accounts/account.ts";
import { didYouMeanFirst } from "../core/nearest.ts";
import { AppError } from "../errors.ts";
import type { Credentials, Host } from "../hosts/host.ts";
import { parseEndpoint } from "./endpoint.ts";
import { ACCOUNT_NAME, accountDeclaredBy, FILE_NAMES, SECRET_NAMES, variableOf } from "./names.ts";
import { type Environment, variable } from "./place.ts";
import type { LoadedFile } from "./read-file.ts";
import type { AccountSection } from "./schema.ts";
import { fromConfigFile, fromCredentialsDirectory, fromEnvironment, type SecretSource } from "./secret-source.ts";
import { credentialsOf, locateSecrets, readSecrets, type SecretLevels } from "./secrets.ts";

export interface ConfiguredAccount extends Account {
  /** Whether the config file has a section for it. */
  readonly inFile: boolean;
  /** Where the secrets stand that it would log in with; nothing is read and no command run. */
  secretSources(): Promise<readonly SecretSource[]>;
}

export interface AccountsInput {
  readonly hosts: Readonly<Record<string, Host>>;
  readonly env: Environment;
  readonly file: LoadedFile | null;
}

/**
 * Every account there is: one named like each host, those of the file, those that the environment declares. Fails
 * with `config`; no secret is read.
 */
export function buildAccounts({ hosts, env, file }: AccountsInput): ReadonlyMap<string, ConfiguredAccount> {
  const sections = file?.content.accounts ?? {};
  const names = new Set([...Object.keys(hosts), ...Object.keys(sections), ...declaredNames(env)]);
  return new Map(
    [...names].map((name) => {
      const section = Object.hasOwn(sections, name) ? sections[name] : undefined;
      return [name, buildAccount(name, section, { hosts, env, file })];
    }),
  );
}

function declaredNames(env: Environment): string[] {
  return Object.keys(env)
    .filter((name) => variable(env, name) !== undefined)
    .map(accountDeclaredBy)
    .filter((name) => name !== null && ACCOUNT_NAME.test(name)) as string[];
}

function buildAccount(name: string, section: AccountSection | undefined, input: AccountsInput): ConfiguredAccount {
  const { hosts, env, file } = input;
  const host = hostOf(name, section, hosts, env);
  const user = variable(env, variableOf(name, "USER")) ?? section?.user ?? "";
  const { baseUrl, loopback, origin } = endpointOf(name, host, section, env);
  const inFile = section !== undefined;
  const levels = secretLevels(name, host, section, file?.path ?? "", env);
  return {
    name,
    host,
    user,
    endpoint: { baseUrl, loopback },
    key: `${host.id} ${origin} ${user}`,
    inFile,
    secretSources: () => locateSecrets(host, levels),
    credentials: once(async (): Promise<Credentials> => {
      return credentialsOf({ name, user, host, inFile, levels }, await readSecrets(host, levels));
    }),
  };
}

function hostOf(
  name: string,
  section: AccountSection | undefined,
  hosts: AccountsInput["hosts"],
  env: Environment,
): Host {
  const fromEnv = variable(env, variableOf(name, "HOST"));
  const id = fromEnv ?? section?.host ?? name;
  const host = Object.hasOwn(hosts, id) ? hosts[id] : undefined;
  if (host !== undefined) return host;
  const where = fromEnv === undefined ? `accounts.${name}.host` : variableOf(name, "HOST");
  const known = Object.keys(hosts);
  const missing = fromEnv === undefined && section?.host === undefined;
  throw new AppError("config", `${where} ${missing ? "is missing" : "names no known host"}`, {
    hint: `${missing ? "" : didYouMeanFirst(id, known)}known hosts: ${known.join(", ")}`,
  });
}

function endpointOf(name: string, host: Host, section: AccountSection | undefined, env: Environment) {
  const what = variableOf(name, "URL");
  const fromEnv = variable(env, what);
  if (fromEnv !== undefined) return parseEndpoint(fromEnv, what);
  return parseEndpoint(section?.url ?? host.defaultUrl, `accounts.${name}.url`);
}

function secretLevels(
  name: string,
  host: Host,
  section: AccountSection | undefined,
  configPath: string,
  env: Environment,
): SecretLevels {
  const understood = SECRET_NAMES.filter((secret) => host.needs.includes(secret) || host.accepts.includes(secret));
  for (const secret of SECRET_NAMES) {
    if (section?.[FILE_NAMES[secret]] === undefined || understood.includes(secret)) continue;
    throw new AppError("config", `accounts.${name}.${FILE_NAMES[secret]}: ${host.title} takes no such secret`, {
      hint: `it takes: ${understood.map((each) => FILE_NAMES[each]).join(", ")}`,
    });
  }
  return [
    understood.map((secret) => fromEnvironment(name, secret, env)),
    understood.map((secret) => fromCredentialsDirectory(name, secret, env)),
    understood.map((secret) => {
      const spec = section?.[FILE_NAMES[secret]];
      return spec === undefined ? null : fromConfigFile(name, secret, spec, { configPath, env });
    }),
  ].map((level) => level.filter((source) => source !== null));
}

/** Shares one run between its callers; a failure is not kept, so that a later call may succeed. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  return () => {
    running ??= work().catch((error: unknown) => {
      running = null;
      throw error;
    });
    return running;
  };
}
