import { AppError, errorView, toAppError } from "../../errors.ts";
import type { EngineListener } from "../events.ts";
import type { RunOptions } from "../inputs.ts";
import type { JobStore, UploadRecord } from "../job-store.ts";
import { disposeOfSource, dropSpool, isPastResume } from "../sources/dispose-source.ts";
import { createDispatcher, type QueueWorld } from "./dispatcher.ts";
import type { Lane } from "./lane.ts";
import { recordEnd } from "./start-upload.ts";

export interface QueuedRun {
  readonly id: string;
  readonly options: RunOptions;
  /** Indexes of sources that stay whatever becomes of their uploads here: not every destination is in this run. */
  readonly keep?: ReadonlySet<number>;
  /** Which uploads need their spooled file no more; absent: those that `resume` does not take. */
  readonly needsNone?: (upload: UploadRecord) => boolean;
}

/** How long a stop may spend on telling what was not started. */
const TELLING_MS = 250;

/**
 * Runs every queued upload of a run to its outcome. Resolves when nothing is left, or when the signal has fired and
 * everything has stopped.
 */
export async function drain(world: QueueWorld, run: QueuedRun, signal: AbortSignal): Promise<void> {
  const { store, listen } = world;
  const told = new Set<string>();
  const tellOnce: EngineListener = (event) => {
    if (event.type === "warning" && told.has(event.text)) return;
    if (event.type === "warning") told.add(event.text);
    listen(event);
  };
  // One after the other: destinations that end at the same time share a source.
  let tidying = Promise.resolve();
  const dispatcher = createDispatcher(
    world,
    run,
    {
      stopped: (lane, { keep, error }) => (keep ? keepQueued(lane, error) : failQueued(lane, error)),
      settle: recordEnd,
      // Somebody waits for the command to end.
      endTries: 5,
      async ended(upload) {
        listen({ type: "ended", upload });
        tidying = tidying.then(() => tidyUp(store, upload, run, tellOnce));
        await tidying;
      },
      admit: async () => true,
      signalOf: () => signal,
    },
    signal,
  );
  const { slots } = dispatcher;
  for (const [key, queued] of await store.queued(run.id)) {
    const lane = dispatcher.lane(key);
    if (lane !== null) lane.queued = queued;
  }

  while (dispatcher.broken === null && !signal.aborted) {
    const seen = slots.version;
    if (await dispatcher.startNext()) continue;
    const waiting = dispatcher.lanes.filter((lane) => lane.queued > 0);
    if (!dispatcher.busy && waiting.length === 0) break;
    await slots.changed(seen, Math.min(...waiting.map((lane) => lane.retryInMs)), signal);
  }
  await dispatcher.idle();
  if (dispatcher.broken !== null) await giveUpQueued(dispatcher.broken);
  else if (signal.aborted) await giveUpQueued(new AppError("cancelled", "the upload was not started"), TELLING_MS);

  /** Those not told within `limitMs` are kept all the same: what stays queued under a dead owner is interrupted. */
  async function keepQueued(lane: Lane | null, error: AppError, limitMs = Number.POSITIVE_INFINITY): Promise<void> {
    const lanes = lane === null ? dispatcher.lanes : [lane];
    let left = lanes.reduce((sum, { queued }) => sum + queued, 0);
    for (const each of lanes) each.queued = 0;
    const deadline = performance.now() + limitMs;
    const kept = store.endQueued(run.id, lane?.account.key ?? null, "interrupted", errorView(error));
    for await (const upload of kept) {
      listen({ type: "ended", upload });
      left -= 1;
      if (left <= 0 || performance.now() < deadline) continue;
      const goOn = store.recorded ? "; go on with: hoist resume" : "";
      listen({ type: "warning", text: `${left} more uploads were not started${goOn}` });
      break;
    }
  }

  async function failQueued(lane: Lane, error: AppError): Promise<void> {
    lane.queued = 0;
    for await (const upload of store.endQueued(run.id, lane.account.key, "failed", errorView(error))) {
      listen({ type: "ended", upload });
      if (upload.source.spool !== null) await tidyUp(store, upload, run, listen);
    }
  }

  /** On a broken store the records stay queued under a dead owner, which the next start finds. */
  async function giveUpQueued(error: AppError, limitMs?: number): Promise<void> {
    try {
      await keepQueued(null, error, limitMs);
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
  run: Pick<QueuedRun, "options" | "keep" | "needsNone">,
  listen: EngineListener,
): Promise<void> {
  try {
    await dropSpool(store, upload, run.needsNone ?? isPastResume);
    if (run.keep?.has(upload.sourceIndex) === true) return;
    const kept = await disposeOfSource(store, upload, run.options.after);
    if (kept !== null) listen({ type: "warning", text: kept });
  } catch (thrown) {
    listen({ type: "warning", text: `${upload.source.path} is kept: ${toAppError(thrown).message}` });
  }
}
