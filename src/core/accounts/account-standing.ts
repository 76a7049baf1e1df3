import type { AccountState, JobStore } from "../job-store.ts";

/** What is going on with an account: held by a person or its host, or at work. */
export interface AccountStanding {
  readonly state: "idle" | "busy" | "cooling-down" | "captcha" | "stopped" | "paused";
  /** RFC 3339, UTC; null unless cooling down. */
  readonly coolDownUntil: string | null;
  /** Why it is stopped or paused, in the host's words where there are some; null: by hand, or it is neither. */
  readonly reason: string | null;
}

/** The first of what holds: a pause, a refused login, a cool-down, a captcha, work. */
export function standingOf(
  state: AccountState | undefined,
  { captcha, busy }: { readonly captcha: boolean; readonly busy: boolean },
): AccountStanding {
  const until = state?.coolDownUntil ?? 0;
  const coolDownUntil = until > Date.now() ? new Date(until).toISOString() : null;
  const reason = state?.refusedMessage ?? state?.pausedBecause ?? null;
  const standing = (word: AccountStanding["state"]) => ({ state: word, coolDownUntil, reason });
  if (state?.paused === true) return standing("paused");
  if ((state?.refusedSecret ?? null) !== null) return standing("stopped");
  if (coolDownUntil !== null) return standing("cooling-down");
  if (captcha) return standing("captcha");
  return standing(busy ? "busy" : "idle");
}

/** A server paused it since its login was refused; a person who pauses it too has the last word. */
export function isPausedForRefusal({ paused, pausedBecause, refusedSecret }: AccountState): boolean {
  return paused && pausedBecause !== null && refusedSecret !== null;
}

/** A person did, and a person ends it. */
export function isPausedByHand({ paused, pausedBecause }: AccountState): boolean {
  return paused && pausedBecause === null;
}

/** The lock of whoever waits for a person to solve the account's captcha: other processes see it by that. */
export function captchaLock(accountKey: string): string {
  return `captcha ${accountKey}`;
}

/** An account as all processes of this state directory have it. Only looks. */
export async function standingInStore(store: JobStore, accountKey: string) {
  const [state, owners, asking] = await Promise.all([
    store.account(accountKey),
    store.laneOwners(accountKey),
    store.lockOwner(captchaLock(accountKey)),
  ]);
  return {
    ...standingOf(state, { captcha: asking !== null, busy: owners.length > 0 }),
    refused: state.refusedSecret !== null,
  };
}
