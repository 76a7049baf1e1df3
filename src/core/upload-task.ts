import { AppError, ERROR_CLASSES, errorView, toAppError } from "../errors.ts";
import type { HostSession, UploadContext, UploadResult } from "../hosts/host.ts";
import type { Phase } from "../hosts/phase.ts";
import type { Source } from "../io/source.ts";
import type { Json } from "../json.ts";
import type { Account } from "./account.ts";
import type { AccountGate } from "./account-gate.ts";
import type { EngineListener } from "./events.ts";
import type { RunOptions } from "./inputs.ts";
import type { JobStore, Outcome } from "./job-store.ts";
import type { LedgerEntry } from "./ledger-entry.ts";
import { drawBackoffMs, type RetryBudget, sleep } from "./retry.ts";
import { findExisting, skippedOutcome } from "./skip.ts";

/** Everything one upload needs, over all its attempts in this run. */
export interface UploadTask {
  readonly store: JobStore;
  readonly entry: LedgerEntry;
  readonly account: Account;
  readonly session: HostSession;
  readonly gate: AccountGate;
  readonly source: Source;
  readonly options: RunOptions;
  readonly budget: RetryBudget;
  /** Milliseconds. */
  readonly retryBaseMs: number;
  readonly signal: AbortSignal;
  readonly listen: EngineListener;
  /** Gives the account's lane to the next upload. */
  readonly release: () => void;
  /** Takes a lane again for an attempt that sends bytes. */
  readonly reenter: () => Promise<void>;
  readonly more: () => boolean;
}

/** Phases in which the host holds the bytes: what is left needs no lane. */
const WITHOUT_BYTES: ReadonlySet<Phase> = new Set(["stored", "placed", "committing", "committed"]);
const CAPTCHA_POLL_IN_BASES = 5;

/**
 * Attempts until the upload has its outcome. The one retry loop of hoist: a host says what a failure means, this
 * decides whether, when and at whose cost it is tried again. Throws the failure that ended it.
 */
export async function runUpload(task: UploadTask): Promise<Outcome> {
  const { entry, session, source, options } = task;
  const target = { name: entry.record.name, folder: entry.record.folder };
  const retries = createRetries(task);
  const context = createContext(task, retries.restart);
  for (;;) {
    try {
      if (options.skipExisting) {
        const existing = await findExisting(task, target);
        if (existing !== null) return skippedOutcome(existing, source.size ?? 0);
      }
      await entry.attempt();
      const result = await session.upload(source, target, context);
      await task.gate.succeeded();
      task.budget.earn();
      return outcomeOf(result);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (task.signal.aborted) throw error;
      await retries.wait(error);
      if (!WITHOUT_BYTES.has(entry.record.phase)) await task.reenter();
    }
  }
}

function outcomeOf(result: UploadResult): Outcome {
  return { ok: true, ...result, skipped: false, skipReason: null };
}

interface Retries {
  /** Waits for the next attempt, or throws the error for good. */
  wait(error: AppError): Promise<void>;
  /** Durable progress: the count of failures starts again, once. */
  readonly restart: () => void;
}

function createRetries(task: UploadTask): Retries {
  const { entry, options, gate, budget, source, listen } = task;
  let failures = 0;
  let restarted = false;
  return {
    restart() {
      if (restarted) return;
      restarted = true;
      failures = 0;
    },
    async wait(error) {
      if (error.code === "host_auth") await gate.refused(error);
      const again = error.retry.again ?? ERROR_CLASSES[error.code].retry;
      const allowed = again || (error.code === "outcome_unknown" && options.retryUnknown);
      let waitMs: number | null;
      if (error.retry.coolDownMs !== undefined) {
        waitMs = await gate.coolDown(error.retry.coolDownMs);
      } else {
        waitMs = error.retry.afterMs ?? drawBackoffMs(failures, task.retryBaseMs);
        if (error.retry.free !== true) {
          failures += 1;
          if (failures > options.retries || !allowed || !budget.spend()) throw error;
        }
      }
      if (!allowed || source.spent || waitMs === null) throw error;
      listen({ type: "retry", upload: entry.record, error: errorView(error), waitMs });
      await sleep(waitMs, task.signal);
    },
  };
}

function createContext(task: UploadTask, restartRetries: () => void): UploadContext {
  const { entry, account, options, signal, listen } = task;
  const spent = new Map<string, number>();
  const captcha = createCaptchaWait(task);
  return {
    signal,
    options,
    get resume() {
      const { phase, checkpoint } = entry.record;
      return checkpoint === null ? null : { phase, checkpoint };
    },
    async phase(phase: Phase, checkpoint?: Json | null) {
      await entry.phase(phase, checkpoint);
      if (phase !== "stored") return;
      restartRetries();
      listen({ type: "stored", upload: entry.record });
    },
    person: captcha,
    spend(step, limit) {
      const used = spent.get(step) ?? 0;
      spent.set(step, used + 1);
      return used < limit;
    },
    release: task.release,
    more: task.more,
    note: (message) => listen({ type: "note", text: `${account.name}: ${message}` }),
  };
}

function createCaptchaWait({ account, options, retryBaseMs, signal, listen }: UploadTask): UploadContext["person"] {
  let shown: string | null = null;
  let until: number | null = null;
  return async ({ url }) => {
    if (shown !== url) {
      shown = url;
      listen({ type: "captcha", account: account.name, url });
    }
    until ??= performance.now() + options.waitCaptchaMs;
    if (performance.now() >= until) {
      throw new AppError("captcha", `${account.host.title} wants a person to solve a captcha`, {
        url,
        hint: "open the page and solve it, and wait for that with --wait-captcha 10m",
      });
    }
    await sleep(Math.min(CAPTCHA_POLL_IN_BASES * retryBaseMs, until - performance.now()), signal);
  };
}
