import type { Database } from "bun:sqlite";
import { AppError } from "../errors.ts";
import { isBusy, storeFailure } from "./failure.ts";
import type { LogSync } from "./log-sync.ts";

/** Access to the database that waits for other processes without standing still. Fails with `state`. */
export interface Access {
  /** Runs `work` outside of a transaction. It may see what is not on the disk yet. */
  read<T>(work: () => T): Promise<T>;
  /**
   * Runs `work` in a transaction that it shares with the writes of the same tick; resolves when that is durable. More
   * than a few hundred go into several transactions, in their order.
   * What `work` throws undoes its own changes and fails its own caller only. `work` may run again after a lock.
   */
  write<T>(work: () => T): Promise<T>;
  /**
   * The same for what a loss of power may undo: every process sees it when it resolves, and it is durable with the next
   * `write`. No wait for the disk unless it shares a transaction with one that needs it.
   */
  writeSoon<T>(work: () => T): Promise<T>;
  /** Resolves when everything that a read has seen by now is on the disk. */
  lasting(): Promise<void>;
  /** Lets the writes under way end; later calls fail. */
  close(): Promise<void>;
}

interface Write {
  work(): unknown;
  /** Waits for the disk. */
  readonly durable: boolean;
  /** Takes what became of it, once the transaction is over. */
  settle(outcome: Outcome): void;
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** SQLite itself waits this long, in milliseconds, with everything else in the process standing still. */
const STANDSTILL_MS = 100;
/** Total patience with a lock, in milliseconds. */
const PATIENCE_MS = 15_000;
const PAUSE_MS = 20;
/** Most writes in a transaction: everything else in the process waits for its end. */
const MOST_TOGETHER = 250;

/** `prologue` runs first in every transaction; what must last waits for `disk`. */
export function groupCommit(db: Database, prologue: () => void, disk: Pick<LogSync, "sync" | "broken">): Access {
  db.run(`PRAGMA busy_timeout = ${STANDSTILL_MS}`);
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const rollback = db.prepare("ROLLBACK");
  const mark = db.prepare("SAVEPOINT write");
  const keep = db.prepare("RELEASE write");
  const undo = db.prepare("ROLLBACK TO write");

  let waiting: Write[] = [];
  let flushing: Promise<void> | null = null;
  let closed = false;
  const syncing = new Set<Promise<void>>();

  /** One write under a savepoint of its own. Throws when SQLite has given the whole transaction up. */
  function attempt(write: Write): Outcome {
    mark.run();
    try {
      const value = write.work();
      keep.run();
      return { ok: true, value };
    } catch (error) {
      if (!db.inTransaction || isBusy(error)) throw error;
      undo.run();
      keep.run();
      return { ok: false, error: storeFailure(error) };
    }
  }

  /** Nothing undoes it but the end of its transaction, which it brings about when it throws. */
  function trust(write: Write): Outcome {
    return { ok: true, value: write.work() };
  }

  function transact(batch: readonly Write[], perform: (write: Write) => Outcome): Outcome[] {
    begin.run();
    try {
      prologue();
      const outcomes = batch.map(perform);
      commit.run();
      return outcomes;
    } catch (error) {
      if (db.inTransaction) rollback.run();
      throw error;
    }
  }

  /** Writes seldom throw, and savepoints cost every one of them: they are set when one has. */
  function transactTogether(batch: readonly Write[]): Outcome[] {
    try {
      return transact(batch, trust);
    } catch (error) {
      if (batch.length === 1 || isBusy(error)) throw error;
      return transact(batch, attempt);
    }
  }

  async function flush(): Promise<void> {
    do {
      await nextTick();
      const batch = waiting.slice(0, MOST_TOGETHER);
      waiting = waiting.slice(MOST_TOGETHER);
      let outcomes: Outcome[];
      try {
        outcomes = await patiently(() => transactTogether(batch));
      } catch (error) {
        outcomes = batch.map(() => ({ ok: false, error }));
      }
      settle(batch, outcomes);
    } while (waiting.length > 0);
    flushing = null;
  }

  /** In the log of SQLite later commits never outlive earlier ones: what waits for the disk makes all of them last. */
  function settle(batch: readonly Write[], outcomes: readonly Outcome[]): void {
    const done = (durably: boolean, failed: Outcome | null) =>
      batch.forEach((write, index) => {
        if (write.durable === durably) write.settle(failed ?? (outcomes[index] as Outcome));
      });
    done(false, null);
    if (!batch.some(({ durable }) => durable)) return;
    // The next transaction does not wait for this one's disk.
    const synced = disk.sync().then(
      () => done(true, null),
      (error) => done(true, { ok: false, error: storeFailure(error) }),
    );
    syncing.add(synced);
    void synced.then(() => syncing.delete(synced));
  }

  function enqueue<T>(work: () => T, durable: boolean): Promise<T> {
    if (closed) return Promise.reject(closedStore());
    // What could not be relied on must not be seen either.
    if (disk.broken !== null) return Promise.reject(disk.broken);
    return new Promise<T>((resolve, reject) => {
      const settle = (outcome: Outcome) => (outcome.ok ? resolve(outcome.value as T) : reject(outcome.error));
      waiting.push({ work, durable, settle });
      flushing ??= flush();
    });
  }

  return {
    async read(work) {
      if (closed) throw closedStore();
      return patiently(work);
    },

    write: (work) => enqueue(work, true),
    writeSoon: (work) => enqueue(work, false),

    lasting: () => disk.sync(),

    async close() {
      closed = true;
      await flushing;
      await Promise.all(syncing);
      for (const statement of [begin, commit, rollback, mark, keep, undo]) statement.finalize();
    },
  };
}

/** Tries again while another connection holds the lock. */
async function patiently<T>(work: () => T): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw storeFailure(error);
      await Bun.sleep(PAUSE_MS);
    }
  }
}

function nextTick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function closedStore(): AppError {
  return new AppError("state", "the state database is closed: hoist is ending");
}
