import { errorView } from "../../errors.ts";
import type { Account } from "../accounts/account.ts";
import { isConfigured } from "../accounts/account-by-key.ts";
import { standingOf } from "../accounts/account-standing.ts";
import type { EngineEvent } from "../events.ts";
import type { AccountState } from "../job-store.ts";
import type { Waits } from "../serve-store.ts";
import { whyLost } from "./follow-accounts.ts";
import type { LiveFacts } from "./job-view.ts";
import type { AccountView } from "./jobs.ts";

/** What only a running server knows: bytes on their way, pages that wait for a person, what accounts are busy with. */
export interface LiveState extends LiveFacts {
  observe(event: EngineEvent): void;
  /** The upload runs no longer. */
  ended(uploadId: string): void;
  /** Takes over what the store says of the accounts, by key. */
  know(states: ReadonlyMap<string, AccountState>): void;
  accountView(account: Account): AccountView;
  /** What makes uploads wait beyond what is stored with them. `queued`: keys of accounts that uploads are queued for. */
  waits(queued: readonly string[]): Waits;
}

interface Running {
  readonly accountKey: string;
  bytes: number;
  captcha: string | null;
  rests: boolean;
}

/** `accounts`: by name, as configured now. */
export function createLiveState(accounts: () => ReadonlyMap<string, Account>): LiveState {
  const running = new Map<string, Running>();
  let states: ReadonlyMap<string, AccountState> = new Map();

  const coolDownUntil = (accountKey: string): number | null => {
    const until = states.get(accountKey)?.coolDownUntil ?? 0;
    return until > Date.now() ? until : null;
  };
  const accountWait = (accountKey: string) => {
    if (!isConfigured(accounts(), accountKey)) return "account";
    const state = states.get(accountKey);
    if (state?.paused === true || (state?.refusedSecret ?? null) !== null) return "account";
    if (coolDownUntil(accountKey) !== null) return "cool-down";
    return captchaOf(accountKey) === null ? null : "captcha";
  };
  const captchaOf = (accountKey: string): string | null =>
    [...running.values()].find((each) => each.accountKey === accountKey && each.captcha !== null)?.captcha ?? null;

  return {
    observe(event) {
      if (event.type === "start") {
        running.set(event.upload.id, { accountKey: event.upload.accountKey, bytes: 0, captcha: null, rests: false });
      }
      const upload = "upload" in event ? running.get(event.upload.id) : undefined;
      if (upload === undefined) return;
      if (event.type === "progress") upload.bytes = event.bytes;
      if (event.type === "parked") upload.captcha = event.url;
      if (event.type === "resting") upload.rests = event.rests;
    },
    ended(uploadId) {
      running.delete(uploadId);
    },
    know(known) {
      states = known;
    },
    bytes: (uploadId) => running.get(uploadId)?.bytes ?? null,
    captcha: (uploadId) => running.get(uploadId)?.captcha ?? null,
    accountCaptcha: captchaOf,
    rests: (uploadId) => running.get(uploadId)?.rests ?? false,
    accountWait,
    accountLost(upload) {
      const lost = whyLost(upload, accounts());
      return lost === null ? null : errorView(lost);
    },
    coolDownUntil,
    waits(queued) {
      const waiting = [...running].filter(([, { captcha, rests }]) => captcha !== null || rests);
      const accounts = [...queued, ...states.keys(), ...waiting.map(([, { accountKey }]) => accountKey)];
      const held = queued.filter((key) => accountWait(key) !== null).length;
      return {
        accounts: [...new Set(accounts)].filter((key) => accountWait(key) !== null),
        ofQueued: held === 0 ? "none" : held === queued.length ? "all" : "some",
        uploads: waiting.map(([id]) => id),
      };
    },
    accountView(account) {
      const state = states.get(account.key);
      const busy = [...running.values()].filter(
        ({ accountKey, captcha, rests }) => accountKey === account.key && captcha === null && !rests,
      ).length;
      const captchaUrl = captchaOf(account.key);
      return {
        name: account.name,
        host: account.host.id,
        ...standingOf(state, { captcha: captchaUrl !== null, busy: busy > 0 }),
        running: busy,
        captchaUrl,
      };
    },
  };
}
