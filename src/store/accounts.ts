import type { AccountChange, AccountState } from "../core/job-store.ts";
import type { ServeStore } from "../core/serve-store.ts";
import type { StoreContext } from "./context.ts";

interface AccountRow {
  readonly account_key: string;
  readonly cool_down_until: number | null;
  readonly cool_downs: number;
  readonly refused_secret: string | null;
  readonly refused_message: string | null;
  readonly paused: number;
  readonly paused_because: string | null;
}

/** What is remembered of accounts. */
export function accounts({ sql, access, now }: StoreContext) {
  function load(accountKey: string): AccountState {
    return stateOf(sql<AccountRow>("SELECT * FROM accounts WHERE account_key = $accountKey").get({ accountKey }));
  }

  function stateOf(row: AccountRow | null): AccountState {
    const until = row?.cool_down_until ?? null;
    return {
      coolDownUntil: until !== null && until > now() ? until : null,
      coolDowns: row?.cool_downs ?? 0,
      refusedSecret: row?.refused_secret ?? null,
      refusedMessage: row?.refused_message ?? null,
      paused: row?.paused === 1,
      pausedBecause: row?.paused_because ?? null,
    };
  }

  return {
    account: (accountKey: string) => access.read(() => load(accountKey)),

    accountStates: () =>
      access.read((): ReadonlyMap<string, AccountState> => {
        const rows = sql<AccountRow>("SELECT * FROM accounts").all({});
        return new Map(rows.map((row) => [row.account_key, stateOf(row)]));
      }),

    saveAccount: (accountKey: string, change: AccountChange) =>
      access.write(() => {
        const before = load(accountKey);
        const state = { ...before, ...(typeof change === "function" ? change(before) : change) };
        sql(
          `INSERT OR REPLACE INTO accounts
             (account_key, cool_down_until, cool_downs, refused_secret, refused_message, paused, paused_because)
           VALUES ($accountKey, $coolDownUntil, $coolDowns, $refusedSecret, $refusedMessage, $paused, $pausedBecause)`,
        ).run({ ...state, accountKey, paused: state.paused ? 1 : 0 });
      }),
  } satisfies Partial<ServeStore>;
}
