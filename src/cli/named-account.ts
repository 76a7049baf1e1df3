import type { ConfiguredAccount } from "../config/accounts.ts";
import { didYouMeanFirst } from "../core/nearest.ts";
import { AppError } from "../errors.ts";

/** Fails with `not_found`, naming those there are. */
export function accountNamed(accounts: ReadonlyMap<string, ConfiguredAccount>, name: string): ConfiguredAccount {
  const account = accounts.get(name);
  if (account !== undefined) return account;
  throw new AppError("not_found", `there is no account "${name}"`, {
    hint: `${didYouMeanFirst(name, accounts.keys())}known accounts: ${[...accounts.keys()].join(", ")}`,
  });
}
