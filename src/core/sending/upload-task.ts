import { type AppError, ERROR_CLASSES, errorView, toAppError } from "../../errors.ts";
import type { HostSession, Target, UploadContext, UploadResult } from "../../hosts/host.ts";
import type { Phase } from "../../hosts/phase.ts";
import type { Source } from "../../io/source.ts";
import type { Json } from "../../json.ts";
import type { Account } from "../accounts/account.ts";
import type { AccountGate } from "../accounts/account-gate.ts";
import type { CaptchaWait } from "../accounts/captcha-wait.ts";
import type { EngineListener } from "../events.ts";
import type { RunOptions } from "../inputs.ts";
import type { JobStore, Outcome } from "../job-store.ts";
import type { LedgerEntry } from "../ledger-entry.ts";
import { drawBackoffMs, type RetryBudget, sleep } from "../retry.ts";
import { findExisting, skippedOutcome } from "../skip.ts";
import type { Place } from "./place.ts";

/** Everything one upload needs, over all its attempts in this run. */
export interface UploadTask {
  readonly store: JobStore;
  readonly entry: LedgerEntry;
  readonly account: Account;
  readonly session: HostSession;
  readonly gate: AccountGate;
  readonly captcha: CaptchaWait;
  readonly place: Place;
  readonly source: Source;
  readonly options: RunOptions;
  readonly budget: RetryBudget;
  /** Milliseconds. */
  readonly retryBaseMs: number;
  readonly signal: AbortSignal;
  readonly listen: EngineListener;
  /** One sentence for the user; told once. */
  readonly note: (text: string) => void;
  /** The store cannot be written any more; the upload goes on. */
  readonly degraded: (error: AppError) => void;
}

/** Phases in which the host holds the bytes: what is left needs no lane. */
const WITHOUT_BYTES: ReadonlySet<Phase> = new Set(["stored", "placed", "committing", "committed"]);

/**
 * Attempts until the upload has its outcome. The one retry loop of hoist: a host says what a failure means, this
 * decides whether, when and at whose cost it is tried again. Throws the failure that ended it.
 */
export async function runUpload(task: UploadTask): Promise<Outcome> {
  const { entry, source, options } = task;
  const target = { name: entry.record.name, folder: entry.record.folder };
  const rest = createRest(task);
  const retries = createRetries(task, rest);
  const context = createContext(task, retries.restart);
  let looked = !options.skipExisting;
  for (;;) {
    try {
      if (!looked) {
        const existing = await findExisting(task, target);
        if (existing !== null) return skippedOutcome(existing, source.size ?? 0);
        looked = true;
      }
      return outcomeOf(await attempt(task, target, context), task);
    } catch (thrown) {
      if (task.signal.aborted) throw thrown;
      await retries.wait(toAppError(thrown));
      await passGate(task, rest);
      rest(false);
      // While a captcha is open nobody needs a place: it is taken again before the bytes.
      if (!WITHOUT_BYTES.has(entry.record.phase) && !task.captcha.open) await task.place.reenter(task.signal);
    }
  }
}

async function attempt(task: UploadTask, target: Target, context: UploadContext): Promise<UploadResult> {
  const counted = task.entry.attempt();
  // Before bytes it shares a transaction with the first phase, and what stops the one stops the other.
  if (WITHOUT_BYTES.has(task.entry.record.phase)) await counted;
  const [result] = await Promise.all([task.session.upload(task.source, target, context), counted]);
  return result;
}

/** Nothing that fails from here on makes the success a failure. */
async function outcomeOf(result: UploadResult, { gate, budget, degraded }: UploadTask): Promise<Outcome> {
  await gate.succeeded().catch((thrown) => degraded(toAppError(thrown)));
  budget.earn();
  return { ok: true, ...result, skipped: false, skipReason: null };
}

/** Other uploads of the account may have met a refused login or a cool-down meanwhile. */
async function passGate({ gate, place, degraded, signal }: UploadTask, rest: Rest): Promise<void> {
  for (;;) {
    const verdict = await gate.judge("begun").catch((thrown) => {
      degraded(toAppError(thrown));
      return { kind: "go" } as const;
    });
    if (verdict.kind === "go") return;
    if (verdict.kind === "stop") throw verdict.error;
    rest(true);
    await place.pause();
    await sleep(verdict.ms, signal);
  }
}

/** Whether the upload waits for the end of a cool-down. */
type Rest = (rests: boolean) => void;

function createRest({ entry, listen }: UploadTask): Rest {
  let told = false;
  return (rests) => {
    if (rests !== told) listen({ type: "resting", upload: entry.record, rests });
    told = rests;
  };
}

interface Retries {
  /** Waits for the next attempt, or throws the error for good. */
  wait(error: AppError): Promise<void>;
  /** Durable progress: the count of failures starts again. */
  readonly restart: () => void;
}

function createRetries(task: UploadTask, rest: Rest): Retries {
  const { entry, options, gate, budget, source, listen, degraded } = task;
  let failures = 0;

  /** Milliseconds, or null when the account's rest is longer than this run waits. */
  async function coolDown(askedMs: number | null): Promise<number | null> {
    try {
      return await gate.coolDown(askedMs);
    } catch (thrown) {
      degraded(toAppError(thrown));
      return null;
    }
  }

  return {
    restart() {
      failures = 0;
    },
    async wait(error) {
      if (error.code === "host_auth") await gate.refused(error).catch((thrown) => degraded(toAppError(thrown)));
      const again = error.retry.again ?? ERROR_CLASSES[error.code].retry;
      const allowed = again || (error.code === "outcome_unknown" && options.retryUnknown);
      const rests = error.retry.coolDownMs !== undefined;
      let waitMs: number | null;
      if (error.retry.coolDownMs !== undefined) {
        waitMs = await coolDown(error.retry.coolDownMs);
      } else {
        waitMs = error.retry.afterMs ?? drawBackoffMs(failures, task.retryBaseMs);
        if (error.retry.free !== true) {
          failures += 1;
          if (failures > options.retries || !allowed || !budget.spend()) throw error;
        }
      }
      if (!allowed || source.spent || waitMs === null) {
        throw rests ? await gate.resting(error).catch(() => error) : error;
      }
      // Before anybody hears of the rest, and may stop the upload for it.
      await forgetBody(task, error);
      if (rests) rest(true);
      listen({ type: "retry", upload: entry.record, error: errorView(error), waitMs });
      if (rests) await task.place.pause();
      await sleep(waitMs, task.signal);
    },
  };
}

/** The host said that it does not have the file: a stop during the wait leaves nothing unknown. */
async function forgetBody({ entry, account }: UploadTask, error: AppError): Promise<void> {
  if (account.host.features.commits || error.code === "outcome_unknown") return;
  if (entry.record.phase === "finishing") await entry.phase("preparing");
}

function createContext(task: UploadTask, restartRetries: () => void): UploadContext {
  const { entry, account, source, options, signal, captcha, place, budget, listen } = task;
  const spent = new Map<string, number>();
  let asked = false;
  let stored = false;

  /** Bytes need a place; a person who solved a captcha has set the whole account going. */
  async function goOn(): Promise<void> {
    if (asked) captcha.passed();
    await place.reenter(signal);
    if (asked) listen({ type: "parked", upload: entry.record, url: null });
    asked = false;
  }

  return {
    signal,
    options,
    get resume() {
      const { phase, checkpoint } = entry.record;
      return checkpoint === null ? null : { phase, checkpoint };
    },
    async phase(phase: Phase, checkpoint?: Json | null, progress?: "confirmed") {
      await entry.phase(phase, checkpoint);
      if (phase === "sending") await goOn();
      if (progress === "confirmed") {
        restartRetries();
        budget.earn();
      }
      if (phase !== "stored") return;
      // Once: what is stored again after that was sent from its first byte.
      if (!stored) restartRetries();
      stored = true;
      listen({ type: "stored", upload: entry.record });
    },
    async person({ url }) {
      if (!asked) listen({ type: "parked", upload: entry.record, url });
      asked = true;
      await captcha.person(entry.record.id, url, signal, () => place.pause());
    },
    spend(step, limit) {
      const used = spent.get(step) ?? 0;
      spent.set(step, used + 1);
      return used < limit;
    },
    release() {
      place.release();
      source.rest();
    },
    more: () => place.more,
    note: (message) => task.note(`${account.name}: ${message}`),
  };
}
