import type { Account } from "../accounts/account.ts";
import type { EngineEvent } from "../events.ts";
import type { AccountState } from "../job-store.ts";
import type { ServeStore } from "../serve-store.ts";
import type { AccountView } from "./jobs.ts";
import type { LiveState } from "./live-state.ts";

/** Notices what changes about accounts, whoever changes it: this server, a person, or another process. */
export interface AccountWatch extends Disposable {
  /** Looks now. Resolves when everybody has been told. Fails with `state`. */
  look(): Promise<void>;
}

export interface AccountWatchWorld {
  readonly store: Pick<ServeStore, "accountStates">;
  readonly live: LiveState;
  /** By name, as configured now. */
  readonly accounts: () => ReadonlyMap<string, Account>;
  /** What is shown of an account is another than before. */
  readonly changed: (account: Account, view: AccountView) => void;
  readonly listen: (event: EngineEvent) => void;
}

/** One small read a second; a person who pauses an account from a shell sees it stop. */
const LOOK_EVERY_MS = 1_000;

export function watchAccounts(world: AccountWatchWorld): AccountWatch {
  const { store, live } = world;
  const shown = new Map<string, string>();
  const known = new Map<string, Hold>();

  async function look(): Promise<void> {
    const states = await store.accountStates();
    live.know(states);
    for (const [name, account] of world.accounts()) {
      tellHold(name, holdOf(states.get(account.key)));
      const view = live.accountView(account);
      const text = shownPart(view);
      const before = shown.get(name);
      shown.set(name, text);
      if (before !== undefined && before !== text) world.changed(account, view);
    }
  }

  /** An account that stands when the server starts is told, too. */
  function tellHold(account: string, now: Hold): void {
    const before = known.get(account) ?? NO_HOLD;
    known.set(account, now);
    const tell = (change: "paused" | "refused" | "resumed") =>
      world.listen({ type: "account", account, change, reason: now.reason });
    if (now.refused && !before.refused) tell("refused");
    else if (now.paused && !before.paused && !now.refused) tell("paused");
    else if ((before.paused || before.refused) && !now.paused && !now.refused) tell("resumed");
  }

  const timer = setInterval(() => {
    // What cannot be read now is read a second later.
    void look().catch(() => {});
  }, LOOK_EVERY_MS);
  timer.unref();

  return { look, [Symbol.dispose]: () => clearInterval(timer) };
}

interface Hold {
  readonly paused: boolean;
  readonly refused: boolean;
  readonly reason: string | null;
}

const NO_HOLD: Hold = { paused: false, refused: false, reason: null };

function holdOf(state: AccountState | undefined): Hold {
  if (state === undefined) return NO_HOLD;
  const { paused, refusedSecret, refusedMessage, pausedBecause } = state;
  return { paused, refused: refusedSecret !== null, reason: refusedMessage ?? pausedBecause };
}

/** All but the number of uploads that run, which changes with each of them. */
function shownPart(view: AccountView): string {
  return JSON.stringify({ ...view, running: null });
}
