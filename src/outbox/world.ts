import type { NotifyTarget } from "../config/notify.ts";
import type { ServeStore } from "../core/serve-store.ts";
import type { CallbackSettings, Resolve } from "./callbacks.ts";

export interface OutboxConfig {
  readonly callbacks: CallbackSettings;
  readonly notify: readonly NotifyTarget[];
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Ends early, and well, when `signal` is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Texts hold no URL of a notify and no query of a callback. */
export type OutboxLog = (level: "info" | "warn", message: string, fields: { readonly channel: string }) => void;

export interface OutboxWorld {
  readonly store: Pick<
    ServeStore,
    "job" | "jobTold" | "enqueueDelivery" | "dueDeliveries" | "nextDelivery" | "settleDelivery"
  >;
  /** As it is now: a reload changes it. */
  readonly config: () => OutboxConfig;
  /** For `[[notify]]`. */
  readonly fetch: typeof fetch;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly log: OutboxLog;
}
