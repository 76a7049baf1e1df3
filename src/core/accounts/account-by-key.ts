import type { Account } from "./account.ts";

/**
 * Finds the account that records of a key belong to, whatever its name is today; null where none is configured. Of
 * several with one login those in `named`, which may still grow, come first; the secret is that of the first that has
 * one.
 */
export function accountByKey(
  accounts: ReadonlyMap<string, Account>,
  named: ReadonlySet<string> = new Set(),
): (key: string) => Account | null {
  return (key) => {
    const same = [...accounts.values()].filter((account) => account.key === key);
    const [first, ...others] = [
      ...same.filter(({ name }) => named.has(name)),
      ...same.filter(({ name }) => !named.has(name)),
    ];
    if (first === undefined) return null;
    return others.length === 0 ? first : withOthers(first, others);
  };
}

export function isConfigured(accounts: ReadonlyMap<string, Account>, key: string): boolean {
  for (const account of accounts.values()) if (account.key === key) return true;
  return false;
}

interface Merged {
  readonly others: readonly Account[];
  readonly account: Account;
}

const merged = new WeakMap<Account, Merged>();

/** The same account each time: its session, with the login that it cost, and its gate go by it. */
function withOthers(first: Account, others: readonly Account[]): Account {
  const known = merged.get(first);
  if (known?.others.length === others.length && known.others.every((other, at) => other === others[at])) {
    return known.account;
  }
  const account = { ...first, credentials: () => firstCredentials(first, others) };
  merged.set(first, { others, account });
  return account;
}

/** Fails as the first does when none has what it needs. */
async function firstCredentials(first: Account, others: readonly Account[]): ReturnType<Account["credentials"]> {
  try {
    return await first.credentials();
  } catch (thrown) {
    for (const other of others) {
      const found = await other.credentials().catch(() => null);
      if (found !== null) return found;
    }
    throw thrown;
  }
}
