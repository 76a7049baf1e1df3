import { AppError } from "../../errors.ts";
import type { Account } from "../accounts/account.ts";
import { isConfigured } from "../accounts/account-by-key.ts";
import type { EngineListener } from "../events.ts";
import type { UploadRecord } from "../job-store.ts";
import type { AccountNow, ServeStore } from "../serve-store.ts";

/** By name, as configured now. */
type Accounts = ReadonlyMap<string, Account>;

export interface FollowWorld {
  readonly store: Pick<ServeStore, "followAccounts">;
  readonly accounts: () => Accounts;
  readonly listen: EngineListener;
}

/** Lets what has not begun follow its account's name to the login and address that are configured now, and tells of it. */
export async function followAccounts({ store, accounts, listen }: FollowWorld, runId: string): Promise<boolean> {
  const moved = await store.followAccounts(runId, accountsNow(accounts()));
  for (const [name, count] of moved) {
    const uploads = count === 1 ? "1 queued upload goes" : `${count} queued uploads go`;
    listen({ type: "note", text: `${uploads} to the account ${name} with the login and address that it has now` });
  }
  return moved.size > 0;
}

export function accountsNow(accounts: Accounts): readonly AccountNow[] {
  return [...accounts.values()].filter(hasLogin).map(({ name, host, key }) => ({ name, host: host.id, key }));
}

/** Each host has an account of its name that nobody need have configured. */
function hasLogin({ user }: Account): boolean {
  return user !== "";
}

function isNamed(name: string, accounts: Accounts): boolean {
  const account = accounts.get(name);
  return account !== undefined && hasLogin(account);
}

/** Why nothing takes up an upload that is queued for an account that is not configured; null for one that is. */
export function whyLost(
  { account, accountKey }: Pick<UploadRecord, "account" | "accountKey">,
  accounts: Accounts,
): AppError | null {
  if (isConfigured(accounts, accountKey)) return null;
  if (!isNamed(account, accounts)) {
    return new AppError("config", `the account ${account} is not configured any more`, {
      hint: "add it again, or cancel the job",
    });
  }
  return new AppError("config", `the login, address or host of the account ${account} has changed since`, {
    hint: "configure the earlier one, too, under another name, or cancel the job and add its file anew",
  });
}

/** The same of all that wait so, for the log. */
export function describeLost(account: string, accounts: Accounts): string {
  const begin = `queued jobs wait for the account ${account}`;
  return isNamed(account, accounts)
    ? `${begin} as it was: its login, address or host has changed since they began; configure that one, too, under another name, or cancel them and add their files anew`
    : `${begin}, which is not configured any more; add it again, or cancel them`;
}
