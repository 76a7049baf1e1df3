/** How many uploads of a run may move bytes at once, and a bell for whoever waits for a change. */
export interface Slots {
  readonly free: boolean;
  /** Grows with every change; read it before looking, so that no change is missed. */
  readonly version: number;
  take(): void;
  give(): void;
  /** Tells the waiting that something else has changed. */
  wake(): void;
  /** Resolves once the version is another than `seen`, after `ms` or a minute, or when the signal fires. */
  changed(seen: number, ms: number, signal: AbortSignal): Promise<void>;
  /** Runs `look` while nobody else looks: a slot that it finds free is still free when it takes it. */
  alone<T>(look: () => Promise<T>): Promise<T>;
}

/** Timers cannot hold much longer waits, and a second look costs nothing. */
const LONGEST_WAIT_MS = 60_000;

export function createSlots(size: number): Slots {
  let taken = 0;
  let version = 0;
  let last: Promise<unknown> = Promise.resolve();
  const waiting = new Set<() => void>();
  const wake = () => {
    version += 1;
    for (const resolve of waiting) resolve();
  };
  return {
    get free() {
      return taken < size;
    },
    get version() {
      return version;
    },
    take() {
      taken += 1;
    },
    give() {
      taken -= 1;
      wake();
    },
    wake,
    async changed(seen, ms, signal) {
      if (version !== seen || signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Math.min(ms, LONGEST_WAIT_MS));
      const stop = () => resolve();
      waiting.add(resolve);
      signal.addEventListener("abort", stop, { once: true });
      await promise;
      waiting.delete(resolve);
      clearTimeout(timer);
      // One signal serves every wait of a run: what is left on it adds up.
      signal.removeEventListener("abort", stop);
    },
    alone(look) {
      const mine = last.then(look);
      last = mine.catch(() => {});
      return mine;
    },
  };
}
