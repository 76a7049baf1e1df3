import { AppError } from "../../errors.ts";

/** Work that several uploads need done once: whoever asks while it is under way gets the same outcome. */
export interface Flight<T> {
  /**
   * The outcome of the run under way, or of a new one. Rejects with `cancelled` as soon as `signal` fires; the run
   * itself is stopped only when nobody waits for it any longer.
   */
  join(signal: AbortSignal): Promise<T>;
}

interface Run<T> {
  readonly abort: AbortController;
  readonly outcome: Promise<T>;
  waiting: number;
}

export function createFlight<T>(work: (signal: AbortSignal) => Promise<T>): Flight<T> {
  let current: Run<T> | null = null;
  const start = (): Run<T> => {
    const abort = new AbortController();
    const run: Run<T> = { abort, outcome: work(abort.signal), waiting: 0 };
    const end = () => {
      if (current === run) current = null;
    };
    run.outcome.then(end, end);
    return run;
  };
  return {
    join(signal) {
      if (signal.aborted) return Promise.reject(stopped());
      current ??= start();
      const run = current;
      run.waiting += 1;
      return new Promise<T>((resolve, reject) => {
        const leave = () => {
          reject(stopped());
          run.waiting -= 1;
          if (run.waiting > 0) return;
          if (current === run) current = null;
          run.abort.abort(stopped());
        };
        signal.addEventListener("abort", leave, { once: true });
        const settle = () => signal.removeEventListener("abort", leave);
        run.outcome.finally(settle).then(resolve, reject);
      });
    },
  };
}

/** `promise`, or `cancelled` as soon as the signal fires. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return createFlight(() => promise).join(signal);
}

export function stopped(): AppError {
  return new AppError("cancelled", "the upload was stopped");
}
