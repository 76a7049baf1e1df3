import { type AppError, toAppError } from "../../errors.ts";
import type { Account } from "../accounts/account.ts";
import type { Verdict } from "../accounts/account-gate.ts";
import { createRateLimit } from "../accounts/rate-limit.ts";
import { createSessions, type SessionWorld } from "../accounts/sessions.ts";
import type { EngineListener } from "../events.ts";
import type { RunOptions } from "../inputs.ts";
import type { JobStore, UploadRecord } from "../job-store.ts";
import { createRetryBudget } from "../retry.ts";
import type { SourceWorld } from "../sources/open-source.ts";
import { createLane, type Lane } from "./lane.ts";
import { createSlots, type Slots } from "./slots.ts";
import { type Settle, startUpload } from "./start-upload.ts";

export interface QueueWorld extends SessionWorld {
  readonly store: JobStore;
  readonly accountOf: (accountKey: string) => Account | null;
  readonly listen: EngineListener;
  readonly openNamed?: NonNullable<SourceWorld["openNamed"]>;
}

/** What a queue decides for itself about the uploads it lets run. */
export interface DispatchPolicy {
  /** No upload of the account may be tried. */
  stopped(lane: Lane, verdict: Extract<Verdict, { kind: "stop" }>): Promise<void>;
  /** Records how an upload ended. */
  readonly settle: Settle;
  /** How often that is tried again where the store cannot be written. */
  readonly endTries: number;
  /** After the record; never throws. */
  ended(upload: UploadRecord): Promise<void>;
  /** Last look at a claimed upload; false: it was put back and is not started. */
  admit(claimed: UploadRecord): Promise<boolean>;
  /** The signal that stops this upload. */
  signalOf(claimed: UploadRecord): AbortSignal;
}

/** Starts queued uploads of a run, as many at a time as options, hosts and other processes allow. */
export interface Dispatcher {
  readonly lanes: readonly Lane[];
  readonly slots: Slots;
  /** The store cannot be written: nothing starts any more. */
  readonly broken: AppError | null;
  /** The account's lane, from now on among those served; null for an account that is not configured. */
  lane(accountKey: string): Lane | null;
  /** False when nothing can start now. */
  startNext(): Promise<boolean>;
  /** Whether an upload runs. */
  readonly busy: boolean;
  /** Resolves when no upload runs any more. */
  idle(): Promise<void>;
}

const LEAST_RETRY_BUDGET = 60;
const NOBODY: ReadonlySet<string> = new Set();

export function createDispatcher(
  world: QueueWorld,
  run: { readonly id: string; readonly options: RunOptions },
  policy: DispatchPolicy,
  signal: AbortSignal,
): Dispatcher {
  const { store, listen } = world;
  const { options } = run;
  const lanes: Lane[] = [];
  const slots = createSlots(options.parallel);
  const running = new Set<Promise<void>>();
  const noted = new Set<string>();
  let broken: AppError | null = null;
  let turn = 0;

  const degraded = (error: AppError) => {
    if (broken !== null) return;
    broken = error;
    listen({ type: "warning", text: `${error.message}; running uploads go on without a record, no new one starts` });
    slots.wake();
  };
  const note = (text: string) => {
    if (noted.has(text)) return;
    noted.add(text);
    listen({ type: "note", text });
  };
  const runWorld = {
    ...world,
    options,
    sessions: createSessions(world, options),
    throttle: createRateLimit(options.limitRate, signal),
    budget: createRetryBudget(Math.max(LEAST_RETRY_BUDGET, 12 * options.retries)),
    settle: policy.settle,
    endTries: policy.endTries,
    note,
    degraded,
  };

  /** Lanes in turn, so that several destinations move side by side. */
  async function startOne(): Promise<boolean> {
    if (!slots.free || signal.aborted) return false;
    for (let step = 0; step < lanes.length; step += 1) {
      const lane = lanes[(turn + step) % lanes.length];
      if (lane === undefined || lane.queued === 0 || !lane.open || !(await passes(lane))) continue;
      if (!(await lane.enter())) continue;
      const claimed = await claimFor(lane);
      if (claimed === null) continue;
      if (!(await policy.admit(claimed))) {
        await lane.leave();
        return true;
      }
      turn = (turn + step + 1) % lanes.length;
      launch(lane, claimed);
      return true;
    }
    return false;
  }

  async function passes(lane: Lane): Promise<boolean> {
    const { givenUp } = lane.captcha;
    const verdict: Verdict = givenUp === null ? await lane.gate.judge() : { kind: "stop", keep: true, error: givenUp };
    if (verdict.kind === "go") return true;
    if (verdict.kind === "wait") lane.pauseFor(verdict.ms);
    else await policy.stopped(lane, verdict);
    return false;
  }

  /** Null when another process has taken what was left: the lane is given up then. */
  async function claimFor(lane: Lane): Promise<UploadRecord | null> {
    let claimed: UploadRecord | null = null;
    try {
      claimed = await store.claim(run.id, NOBODY, lane.account.key);
      lane.queued = claimed === null ? 0 : lane.queued - 1;
      return claimed;
    } finally {
      if (claimed === null) await lane.leave();
    }
  }

  function launch(lane: Lane, claimed: UploadRecord): void {
    slots.take();
    const upload = startUpload(runWorld, { claimed, lane, slots }, policy.signalOf(claimed))
      .then(policy.ended)
      .catch((thrown) => degraded(toAppError(thrown)))
      .finally(() => {
        running.delete(upload);
        slots.wake();
      });
    running.add(upload);
  }

  return {
    lanes,
    slots,
    get broken() {
      return broken;
    },
    get busy() {
      return running.size > 0;
    },
    lane(accountKey) {
      const known = lanes.find((lane) => lane.account.key === accountKey);
      const account = world.accountOf(accountKey);
      if (account === null) {
        if (known !== undefined) known.queued = 0;
        return null;
      }
      known?.adopt(account);
      if (known !== undefined) return known;
      const lane = createLane(account, { ...world, ...options });
      lanes.push(lane);
      return lane;
    },
    async startNext() {
      try {
        return await slots.alone(startOne);
      } catch (thrown) {
        degraded(toAppError(thrown));
        return false;
      }
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
