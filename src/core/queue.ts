import { AppError, errorView, toAppError } from "../errors.ts";
import type { Account } from "./account.ts";
import { disposeOfSource, dropSpool } from "./dispose-source.ts";
import type { EngineListener } from "./events.ts";
import type { RunOptions } from "./inputs.ts";
import type { JobStore, UploadRecord } from "./job-store.ts";
import { createLane, type Lane } from "./lane.ts";
import { createRateLimit } from "./rate-limit.ts";
import { createRetryBudget } from "./retry.ts";
import { createSessions, type SessionWorld } from "./sessions.ts";
import { createSlots } from "./slots.ts";
import { startUpload } from "./start-upload.ts";

export interface QueueWorld extends SessionWorld {
  readonly store: JobStore;
  /** By account key. */
  readonly accounts: ReadonlyMap<string, Account>;
  readonly listen: EngineListener;
}

export interface QueuedRun {
  readonly id: string;
  readonly options: RunOptions;
  /** Indexes of sources that stay whatever becomes of their uploads here: not every destination is in this run. */
  readonly keep?: ReadonlySet<number>;
}

const LEAST_RETRY_BUDGET = 60;

/**
 * Runs every queued upload of a run to its outcome, as many at a time as options, hosts and other processes allow.
 * Resolves when nothing is left, or when the signal has fired and everything has stopped.
 */
export async function drain(world: QueueWorld, run: QueuedRun, signal: AbortSignal): Promise<void> {
  const { store, listen } = world;
  const { options } = run;
  const lanes = await openLanes(world, run);
  const slots = createSlots(options.parallel);
  const sessions = createSessions(world, options);
  const throttle = createRateLimit(options.limitRate, signal);
  const budget = createRetryBudget(Math.max(LEAST_RETRY_BUDGET, 12 * options.retries));
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
  const runWorld = { ...world, options, sessions, throttle, budget, note, degraded };

  while (broken === null && !signal.aborted) {
    const seen = slots.version;
    if (await startNext()) continue;
    const waiting = lanes.filter((lane) => lane.queued > 0);
    if (running.size === 0 && waiting.length === 0) break;
    await slots.changed(seen, Math.min(...waiting.map((lane) => lane.retryInMs)), signal);
  }
  await Promise.all(running);
  if (broken !== null) await giveUpQueued(broken);
  else if (signal.aborted) await giveUpQueued(new AppError("cancelled", "the upload was not started"));

  /** False when nothing can start now. */
  async function startNext(): Promise<boolean> {
    try {
      return await slots.alone(startOne);
    } catch (thrown) {
      degraded(toAppError(thrown));
      return false;
    }
  }

  /** Lanes in turn, so that several destinations move side by side. */
  async function startOne(): Promise<boolean> {
    if (!slots.free || signal.aborted) return false;
    for (let step = 0; step < lanes.length; step += 1) {
      const lane = lanes[(turn + step) % lanes.length];
      if (lane === undefined || lane.queued === 0 || !lane.open || !(await passes(lane))) continue;
      if (!(await lane.enter())) continue;
      const claimed = await claimFor(lane);
      if (claimed === null) continue;
      turn = (turn + step + 1) % lanes.length;
      launch(lane, claimed);
      return true;
    }
    return false;
  }

  /** Null when another process has taken what was left: the lane is given up then. */
  async function claimFor(lane: Lane): Promise<UploadRecord | null> {
    const others = new Set(lanes.filter((other) => other !== lane).map((other) => other.account.key));
    let claimed: UploadRecord | null = null;
    try {
      claimed = await store.claim(run.id, others);
      lane.queued = claimed === null ? 0 : lane.queued - 1;
      return claimed;
    } finally {
      if (claimed === null) await lane.leave();
    }
  }

  async function passes(lane: Lane): Promise<boolean> {
    if (lane.captcha.givenUp !== null) {
      await keepQueued(lane, lane.captcha.givenUp);
      return false;
    }
    const verdict = await lane.gate.judge();
    if (verdict.kind === "go") return true;
    if (verdict.kind === "wait") lane.pauseFor(verdict.ms);
    else if (verdict.keep) await keepQueued(lane, verdict.error);
    else await failQueued(lane, verdict.error);
    return false;
  }

  function launch(lane: Lane, claimed: UploadRecord): void {
    slots.take();
    const upload = startUpload(runWorld, { claimed, lane, slots }, signal)
      .then(ended)
      .catch((thrown) => degraded(toAppError(thrown)))
      .finally(() => {
        running.delete(upload);
        slots.wake();
      });
    running.add(upload);
  }

  async function ended(upload: UploadRecord): Promise<void> {
    listen({ type: "ended", upload });
    await tidyUp(store, upload, run, listen);
  }

  async function keepQueued(lane: Lane | null, error: AppError): Promise<void> {
    const kept = await store.endQueued(run.id, lane?.account.key ?? null, "interrupted", errorView(error));
    for (const each of lane === null ? lanes : [lane]) each.queued = 0;
    for (const upload of kept) listen({ type: "ended", upload });
  }

  async function failQueued(lane: Lane, error: AppError): Promise<void> {
    const failed = await store.endQueued(run.id, lane.account.key, "failed", errorView(error));
    lane.queued = 0;
    for (const upload of failed) {
      listen({ type: "ended", upload });
      if (upload.source.spool !== null) await tidyUp(store, upload, run, listen);
    }
  }

  /** On a broken store the records stay queued under a dead owner, which the next start finds. */
  async function giveUpQueued(error: AppError): Promise<void> {
    try {
      await keepQueued(null, error);
    } catch {
      await tellQueued(error).catch((thrown) => listen({ type: "warning", text: toAppError(thrown).message }));
    }
  }

  async function tellQueued(error: AppError): Promise<void> {
    for await (const upload of store.uploadsOf(run.id)) {
      if (upload.state !== "queued") continue;
      listen({ type: "ended", upload: { ...upload, outcome: { ok: false, error: errorView(error) } } });
    }
  }
}

/** What is done with the source of an ended upload. A failure here changes nothing of its outcome. */
export async function tidyUp(
  store: JobStore,
  upload: UploadRecord,
  run: Pick<QueuedRun, "options" | "keep">,
  listen: EngineListener,
): Promise<void> {
  try {
    await dropSpool(store, upload);
    if (run.keep?.has(upload.sourceIndex) === true) return;
    const kept = await disposeOfSource(store, upload, run.options.after);
    if (kept !== null) listen({ type: "warning", text: kept });
  } catch (thrown) {
    listen({ type: "warning", text: `${upload.source.path} is kept: ${toAppError(thrown).message}` });
  }
}

async function openLanes(world: QueueWorld, run: QueuedRun): Promise<readonly Lane[]> {
  const lanes: Lane[] = [];
  const { waitCoolDownMs, waitCaptchaMs } = run.options;
  for (const [key, queued] of await world.store.queued(run.id)) {
    const account = world.accounts.get(key);
    if (account === undefined) continue;
    const lane = createLane(account, { ...world, waitCoolDownMs, waitCaptchaMs });
    lane.queued = queued;
    lanes.push(lane);
  }
  return lanes;
}
