import { closeSync, fdatasync as datasync, openSync } from "node:fs";
import { AppError } from "../errors.ts";
import type { SamePlace } from "./same-place.ts";

/** As in node:fs. */
export type DataSync = (fd: number, done: (error: NodeJS.ErrnoException | null) => void) => void;

/** Makes commits last. */
export interface LogSync extends Disposable {
  /** Resolves when everything committed before the call is on the disk. Fails with `state`. */
  sync(): Promise<void>;
  /** Looks, without a wait, whether what is committed now could last; `broken` tells. */
  look(): void;
  /** The disk has failed, or the files are gone: what was committed may be lost, and nothing after it can be relied on. */
  readonly broken: AppError | null;
}

/**
 * Waits for the disk on another thread, where SQLite itself would keep the whole program waiting at each commit. Calls
 * while one wait is under way share the next one. `path` is SQLite's write-ahead log, which exists from the first
 * commit of a connection until its end; null where SQLite waits itself, or where nothing lasts. `place`: where log and
 * database have to stay; absent where they need not.
 */
export function syncLog(path: string | null, fdatasync: DataSync = datasync, place?: SamePlace): LogSync {
  let fd: number | null = null;
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  // The system tells such a failure once: a later wait would succeed, with a hole in the log before what it is for.
  let broken: AppError | null = null;

  const start = (): Promise<void> => {
    const wait = flush().finally(() => {
      if (running === wait) running = null;
    });
    running = wait;
    return wait;
  };

  /** What is in files without a name goes with this process. */
  function look(): void {
    if (place?.lost === true) broken ??= lost();
  }

  function open(log: string): number {
    place?.remember(log);
    return openSync(log, "r+");
  }

  function flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      try {
        fd ??= open(path ?? "");
        fdatasync(fd, (error) => {
          if (error !== null) broken ??= failed(error).with({ retry: { again: false } });
          look();
          if (broken === null) resolve();
          else reject(broken);
        });
      } catch (error) {
        reject(failed(error));
      }
    });
  }

  return {
    get broken() {
      return broken;
    },
    look,
    sync() {
      if (path === null) return Promise.resolve();
      if (broken !== null) return Promise.reject(broken);
      if (running === null) return start();
      next ??= running
        .catch(() => {})
        .then(() => {
          next = null;
          return start();
        });
      return next;
    },
    [Symbol.dispose]() {
      if (fd !== null) closeSync(fd);
      fd = null;
    },
  };
}

function lost(): AppError {
  return new AppError(
    "state",
    "hoist.db was deleted, moved or replaced while hoist used it: hoist has to be started again",
    {
      hint: "bring the state directory back if there is a copy, then start hoist again",
      retry: { again: false },
    },
  );
}

function failed(cause: unknown): AppError {
  return new AppError("state", "the state database cannot be written to the disk", {
    hint: "check the disk that holds the state directory, or choose another directory with --state-dir",
    cause,
  });
}
