import type { ErrorView } from "../../errors.ts";
import { isPausedByHand } from "../accounts/account-standing.ts";
import type { ServeStore } from "../serve-store.ts";

/** Uploads of an account that may fail in a row before it is paused. */
const MOST = 5;
/** Failures that say nothing of the account. */
const NOT_THE_ACCOUNT = new Set(["source", "cancelled", "state", "internal", "host_rejected"]);

/** Pauses an account that fails again and again, or whose login is refused: its uploads would fail one after another. */
export interface FailuresInARow {
  failed(accountKey: string, error: ErrorView): Promise<void>;
  succeeded(accountKey: string): void;
}

/** `paused`: what is remembered of an account has changed. A pause by hand stays as it is. */
export function countFailures(store: Pick<ServeStore, "saveAccount">, paused: () => void): FailuresInARow {
  const counts = new Map<string, number>();
  return {
    async failed(accountKey, { code, message, hostMessage }) {
      if (NOT_THE_ACCOUNT.has(code)) return;
      const count = (counts.get(accountKey) ?? 0) + 1;
      counts.set(accountKey, count);
      if (code !== "host_auth" && count < MOST) return;
      counts.delete(accountKey);
      const why = hostMessage ?? message;
      const pausedBecause = code === "host_auth" ? why : `${MOST} uploads in a row failed, the last one with: ${why}`;
      await store.saveAccount(accountKey, (now) => (isPausedByHand(now) ? {} : { paused: true, pausedBecause }));
      paused();
    },
    succeeded: (accountKey) => void counts.delete(accountKey),
  };
}
