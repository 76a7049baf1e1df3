import type { Account } from "../accounts/account.ts";
import { type AccountGate, type AccountGateOptions, createAccountGate } from "../accounts/account-gate.ts";
import { captchaLock } from "../accounts/account-standing.ts";
import { type CaptchaWait, type CaptchaWaitOptions, createCaptchaWait } from "../accounts/captcha-wait.ts";

/** How often a lane that another process holds is asked for again. */
const LANE_POLL_MS = 150;
/** A look that nothing should make necessary: an ending upload wakes the waiting. */
const LOOK_AGAIN_MS = 1_000;
/** Uploads whose bytes are stored and that wait for their commit; more would be too many to lose at once. */
const MOST_RELEASED = 256;

/** The uploads of one account in this run. */
export interface Lane {
  /** As configured when an upload last asked for the lane. */
  readonly account: Account;
  readonly gate: AccountGate;
  readonly captcha: CaptchaWait;
  /** Not yet started. */
  queued: number;
  /** Moving bytes, or about to. */
  readonly active: number;
  /** Whether an upload could start as far as this process knows. */
  readonly open: boolean;
  /** Milliseconds until a closed lane is worth another look. */
  readonly retryInMs: number;
  /** Takes a lane shared with all processes; false while they are busy. Fails with `state`. */
  enter(): Promise<boolean>;
  /** Takes a lane that no record tells of: the store cannot be written any more. */
  enterUnrecorded(): void;
  /** Gives the lane up: the bytes are stored, or the upload ended. Fails with `state`, and has given it up all the same. */
  leave(): Promise<void>;
  /** An upload that left early has ended. */
  settled(): void;
  leftEarly(): void;
  pauseFor(ms: number): void;
  /** What starts from now on goes by the account as configured now; what runs keeps what it began with. */
  adopt(account: Account): void;
}

export function createLane(first: Account, options: AccountGateOptions & CaptchaWaitOptions): Lane {
  const { store, listen } = options;
  const capacity = first.host.features.perAccount;
  let account = first;
  let gate = createAccountGate(account, options);
  let queued = 0;
  let active = 0;
  let released = 0;
  let pausedUntil = 0;
  let toldOwner: string | null = null;
  /** Lanes given up that the store could not free: with them this process would wait for itself. */
  let owed = 0;
  const captcha = createCaptchaWait(account, {
    ...options,
    show(waits) {
      const lock = captchaLock(account.key);
      // Another process may wait for the same person: one of the two shows it.
      void (waits ? store.takeLock(lock) : store.freeLock(lock)).catch(() => {});
    },
  });
  return {
    get account() {
      return account;
    },
    get gate() {
      return gate;
    },
    captcha,
    get queued() {
      return queued;
    },
    set queued(count) {
      queued = count;
    },
    get active() {
      return active;
    },
    get open() {
      return active < capacity && released < MOST_RELEASED && !captcha.open && performance.now() >= pausedUntil;
    },
    get retryInMs() {
      const pause = pausedUntil - performance.now();
      return pause > 0 ? pause : LOOK_AGAIN_MS;
    },
    async enter() {
      for (; owed > 0; owed -= 1) await store.freeLane(account.key);
      const grant = await store.takeLane(account.key, capacity);
      if (grant.granted) {
        active += 1;
        return true;
      }
      pausedUntil = performance.now() + LANE_POLL_MS;
      const owner = grant.owner?.id ?? "";
      if (toldOwner !== owner) listen({ type: "lane_busy", account: account.name, owner: grant.owner });
      toldOwner = owner;
      return false;
    },
    enterUnrecorded() {
      active += 1;
    },
    async leave() {
      active -= 1;
      await store.freeLane(account.key).catch((error) => {
        owed += 1;
        throw error;
      });
    },
    leftEarly() {
      released += 1;
    },
    settled() {
      released -= 1;
    },
    pauseFor(ms) {
      pausedUntil = performance.now() + ms;
    },
    adopt(now) {
      if (now === account) return;
      account = now;
      gate = createAccountGate(now, options);
    },
  };
}
