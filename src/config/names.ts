import type { SecretName } from "../hosts/host.ts";

/** A secret's name in a config file and in `$CREDENTIALS_DIRECTORY`. */
export const FILE_NAMES = { password: "password", token: "token", apiKey: "api_key" } as const satisfies Record<
  SecretName,
  string
>;

export const SECRET_NAMES = ["token", "password", "apiKey"] as const satisfies readonly SecretName[];

export const ACCOUNT_NAME = /^[a-z0-9][a-z0-9-]*$/;

/** `HOIST_MY_GIG_PASSWORD` for the account `my-gig`; `field` is HOST, USER, URL or a secret's. */
export function variableOf(account: string, field: string): string {
  return `HOIST_${account.toUpperCase().replaceAll("-", "_")}_${field}`;
}

export function secretVariable(account: string, secret: SecretName): string {
  return variableOf(account, FILE_NAMES[secret].toUpperCase());
}

/** The account that `HOIST_<ACCOUNT>_HOST` declares; null for any other variable. */
export function accountDeclaredBy(variable: string): string | null {
  const part = /^HOIST_([A-Z0-9][A-Z0-9_]*)_HOST$/.exec(variable)?.[1];
  return part === undefined ? null : part.toLowerCase().replaceAll("_", "-");
}
