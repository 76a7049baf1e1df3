import { AppError } from "../../src/errors.ts";
import type { HostEnv } from "../../src/hosts/host.ts";
import { transport } from "../../src/http/transport.ts";

export interface RecordedEnv extends HostEnv {
  /** What was told to the debug log. */
  readonly lines: string[];
}

/** The world as the composition root gives it to a session, in small times; `lines` keeps the log. */
export function hostEnv(overrides: Partial<HostEnv> = {}): RecordedEnv {
  const lines: string[] = [];
  const locks = new Map<string, Promise<void>>();
  return {
    lines,
    fetch: transport,
    now: () => performance.now(),
    sleep,
    retryBaseMs: 1,
    idleTimeoutMs: 5_000,
    answerTimeoutMs: () => 5_000,
    async exclusive(name, signal, work) {
      const before = locks.get(name) ?? Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      locks.set(
        name,
        before.then(() => promise),
      );
      try {
        await before;
        signal.throwIfAborted();
        return await work();
      } finally {
        resolve();
      }
    },
    log: (message) => lines.push(message),
    ...overrides,
  };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = () => reject(new AppError("cancelled", "the upload was stopped"));
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const timer = setTimeout(resolve, ms);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  });
}
