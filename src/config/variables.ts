import { didYouMean } from "../core/nearest.ts";
import type { ConfiguredAccount } from "./accounts.ts";
import { secretVariable, variableOf } from "./names.ts";
import { type Environment, variable } from "./place.ts";

const OWN = [
  "HOIST_CONFIG",
  "HOIST_STATE_DIR",
  "HOIST_RETRY_BASE",
  "HOIST_SERVE_LISTEN",
  "HOIST_SERVE_TOKEN",
  "HOIST_SERVE_TOKEN_FILE",
  "HOIST_SERVE_ROOTS",
  "HOIST_SERVE_HOSTS",
  "HOIST_SERVER",
  "HOIST_TOKEN",
  "HOIST_TOKEN_FILE",
] as const;

export interface UnknownVariable {
  readonly name: string;
  /** The known variable it may be meant to be; undefined where none is near. */
  readonly nearest: string | undefined;
}

/** `HOIST_*` variables that are set and mean nothing here. */
export function unknownVariables(env: Environment, accounts: Iterable<ConfiguredAccount>): readonly UnknownVariable[] {
  const known = new Set<string>([...OWN, ...[...accounts].flatMap(variablesOf)]);
  return Object.keys(env)
    .filter((name) => name.startsWith("HOIST_") && variable(env, name) !== undefined && !known.has(name))
    .sort()
    .map((name) => ({ name, nearest: didYouMean(name, known) }));
}

function variablesOf({ name, host }: ConfiguredAccount): string[] {
  const secrets = [...host.needs, ...host.accepts].map((secret) => secretVariable(name, secret));
  return [
    ...["HOST", "USER", "URL"].map((field) => variableOf(name, field)),
    ...secrets.flatMap((secret) => [secret, `${secret}_FILE`]),
  ];
}
