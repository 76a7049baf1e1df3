import { AppError } from "../../errors.ts";
import type { EngineListener } from "../events.ts";
import type { JobStore } from "../job-store.ts";
import { coolDownMs } from "../retry.ts";
import { formatDuration } from "../units.ts";
import type { Account } from "./account.ts";
import { secretsOf } from "./sessions.ts";

/** Whether an account may be tried now. */
export type Verdict =
  | { readonly kind: "go" }
  | { readonly kind: "wait"; readonly ms: number }
  /** No upload of the account may be tried in this run; `keep` leaves them open to `resume`. */
  | { readonly kind: "stop"; readonly error: AppError; readonly keep: boolean };

/** What an account's host asked for, as all processes of this machine remember it. */
export interface AccountGate {
  /** `begun`: for what is under way already, a pause changes nothing. */
  judge(begun?: "begun"): Promise<Verdict>;
  /** The host refused the login: nothing more is sent until the secret changes. */
  refused(error: AppError): Promise<void>;
  /**
   * The host asked to be left alone for `askedMs` (null: it did not say how long). Milliseconds to wait, or null
   * when that is longer than this run waits.
   */
  coolDown(askedMs: number | null): Promise<number | null>;
  /** The failure, saying for how long the account is left alone now. */
  resting(error: AppError): Promise<AppError>;
  /**
   * An upload succeeded: what was remembered against the account is forgotten, but for what this run itself was told
   * while that upload was under way.
   */
  succeeded(): Promise<void>;
}

export interface AccountGateOptions {
  readonly store: JobStore;
  readonly retryBaseMs: number;
  /** Milliseconds that this run spends on cool-downs of the account, in all. */
  readonly waitCoolDownMs: number;
  readonly listen: EngineListener;
}

export function createAccountGate(account: Account, options: AccountGateOptions): AccountGate {
  const { store, retryBaseMs, listen } = options;
  let patienceMs = options.waitCoolDownMs;
  let patientUntil = 0;
  let refusedHere = false;

  /** Patience is spent once per cool-down, however many uploads wait for the same one. */
  function patience(until: number): number | null {
    const now = Date.now();
    const more = until - Math.max(patientUntil, now);
    if (more > 0) {
      if (more > patienceMs) return null;
      patienceMs -= more;
      patientUntil = until;
      listen({ type: "cool_down", account: account.name, waitMs: until - now });
    }
    return Math.max(0, until - now);
  }

  return {
    async judge(begun) {
      const state = await store.account(account.key);
      if (state.paused && begun === undefined) return { kind: "stop", keep: true, error: isPaused(account) };
      if (state.refusedSecret !== null && state.refusedSecret === (await store.fingerprint(await secretsOf(account)))) {
        return { kind: "stop", keep: false, error: refusedEarlier(account, state.refusedMessage) };
      }
      if (state.coolDownUntil === null || state.coolDownUntil <= Date.now()) return { kind: "go" };
      const ms = patience(state.coolDownUntil);
      if (ms !== null) return { kind: "wait", ms };
      return { kind: "stop", keep: true, error: coolingDown(account, state.coolDownUntil) };
    },
    async refused(error) {
      refusedHere = true;
      await store.saveAccount(account.key, {
        refusedSecret: await store.fingerprint(await secretsOf(account)),
        refusedMessage: error.hostMessage ?? error.message,
      });
    },
    async coolDown(askedMs) {
      const { coolDowns, coolDownUntil } = await store.account(account.key);
      const now = Date.now();
      const running = coolDownUntil !== null && coolDownUntil > now;
      // Uploads that were under way when it began run into the same cool-down: it does not double for them.
      const length = askedMs ?? (running ? 0 : coolDownMs(coolDowns, retryBaseMs));
      const until = Math.max(now + Math.max(length, retryBaseMs), coolDownUntil ?? 0);
      await store.saveAccount(account.key, { coolDownUntil: until, coolDowns: running ? coolDowns : coolDowns + 1 });
      return patience(until);
    },
    async resting(error) {
      const { coolDownUntil } = await store.account(account.key);
      if (coolDownUntil === null) return error;
      const message = `${error.message}; ${account.name} is left alone for another ${restOf(coolDownUntil)}`;
      return error.with({ message });
    },
    async succeeded() {
      const { coolDowns, coolDownUntil, refusedSecret } = await store.account(account.key);
      const rested = coolDowns > 0 && (coolDownUntil === null || coolDownUntil <= Date.now());
      const accepted = refusedSecret !== null && !refusedHere;
      if (!rested && !accepted) return;
      await store.saveAccount(account.key, {
        ...(rested ? { coolDowns: 0, coolDownUntil: null } : {}),
        ...(accepted ? { refusedSecret: null, refusedMessage: null } : {}),
      });
    },
  };
}

function refusedEarlier(account: Account, hostMessage: string | null): AppError {
  return new AppError("host_auth", `${account.host.title} refused the login of ${account.name} before`, {
    hostMessage: hostMessage ?? undefined,
    hint: `correct the secret, or try it again with: hoist account check ${account.name}`,
  });
}

function isPaused({ name }: Account): AppError {
  return new AppError("state", `the account ${name} is paused`, { hint: `go on with: hoist account resume ${name}` });
}

function coolingDown({ name }: Account, until: number): AppError {
  return new AppError("rate_limited", `${name} is cooling down for another ${restOf(until)}`);
}

function restOf(until: number): string {
  return formatDuration(Math.max(1000, until - Date.now()));
}
