import { AppError } from "../../errors.ts";

/** How long an upload that is nearly done may still take once a stop is asked for. */
const NEARLY_DONE_MS = 350;
/** How long an aborted upload may take to unwind before it is left to itself. */
const UNWIND_MS = 250;

export interface StopSignal extends Disposable {
  readonly signal: AbortSignal;
  /** The work's result, or `cancelled` shortly after the signal when the work does not end by itself. */
  race<T>(work: Promise<T>): Promise<T>;
}

/** A signal for one upload that follows the run's: at once, or after a moment for an upload that is nearly done. */
export function stopSignal(run: AbortSignal, nearlyDone: () => boolean): StopSignal {
  const controller = new AbortController();
  const unwound = Promise.withResolvers<never>();
  unwound.promise.catch(() => {});
  const timers: Timer[] = [];
  const abort = () => {
    controller.abort(run.reason);
    timers.push(setTimeout(() => unwound.reject(new AppError("cancelled", "the upload was stopped")), UNWIND_MS));
  };
  const stop = () => {
    if (nearlyDone()) timers.push(setTimeout(abort, NEARLY_DONE_MS));
    else abort();
  };
  if (run.aborted) stop();
  else run.addEventListener("abort", stop, { once: true });
  return {
    signal: controller.signal,
    race: (work) => Promise.race([work, unwound.promise]),
    [Symbol.dispose]() {
      run.removeEventListener("abort", stop);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
