import { availableParallelism } from "node:os";
import type { Hash } from "./hash.ts";
import { type HashThread, startHashThread } from "./hash-thread.ts";

/** How long threads without work are kept: a run of large files starts them once. */
const KEEP_MS = 10_000;

const threads = new Set<HashThread>();
let lastId = 0;
let ending: Timer | undefined;

/** A hash on a thread of its own, or on the least busy one where there are as many as processors. */
export function createPooledHash(): Hash {
  const thread = takeThread();
  lastId += 1;
  const hash = lastId;
  let ended = false;

  const end = () => {
    if (!ended) giveThread(thread);
    ended = true;
  };

  return {
    async update(bytes) {
      // It would begin a hash that nobody asks for.
      if (ended) return;
      await thread.ask({ hash, bytes });
    },
    async digest() {
      const digest = await thread.ask({ hash, bytes: null });
      end();
      return digest ?? "";
    },
    [Symbol.dispose]() {
      if (!ended && !thread.broken) thread.tell({ hash, bytes: undefined });
      end();
    },
  };
}

function takeThread(): HashThread {
  clearTimeout(ending);
  for (const thread of threads) if (thread.broken) threads.delete(thread);
  let least: HashThread | undefined;
  for (const thread of threads) if (least === undefined || thread.load < least.load) least = thread;
  if (least === undefined || (least.load > 0 && threads.size < availableParallelism())) {
    least = startHashThread();
    threads.add(least);
  }
  least.take();
  return least;
}

function giveThread(thread: HashThread): void {
  thread.give();
  for (const { load } of threads) if (load > 0) return;
  clearTimeout(ending);
  ending = setTimeout(() => {
    for (const each of threads) each.end();
    threads.clear();
  }, KEEP_MS);
  ending.unref();
}
