import type { UploadContext } from "../host.ts";
import { type Batch, type BatchDeps, createBatch, type LeftBehind } from "./batch.ts";

export interface Batches {
  /**
   * A place for one body: in the open shared batch, in a new one if more uploads of the account are about, else in a
   * batch of its own.
   */
  enter(file: { readonly name: string; readonly size: number }, alone: boolean, ctx: UploadContext): Batch;
  /** Remembers a shared batch that holds a file, so that a later attempt for that file finds it. */
  hold(batch: Batch): void;
  /** Forgets it: it is committed. */
  drop(batch: Batch): void;
  /** The shared batch of this process with that slug. */
  held(slug: string): Batch | null;
  /** The batch of an earlier attempt, to be finished with the one file it is known to hold. */
  takeUp(left: LeftBehind, shared: boolean): Batch;
}

/** Larger files gain nothing from a shared batch, and would lose more with it. */
const LARGEST_SHARED = 16 * 1024 * 1024;
/** Shared batches remembered. Beyond that the oldest is given up: its files are sent again. */
const REMEMBERED = 1000;

export function createBatches(deps: BatchDeps): Batches {
  const held = new Map<string, Batch>();
  let current: Batch | null = null;

  return {
    enter({ name, size }, alone, ctx) {
      const mayShare = !alone && size <= LARGEST_SHARED && isPlain(name);
      if (!mayShare) return entered(createBatch(false, null, deps), size);
      if (current?.admits(size) === true) return entered(current, size);
      current?.close();
      current = null;
      if (!ctx.more()) return entered(createBatch(false, null, deps), size);
      current = createBatch(true, null, deps);
      return entered(current, size);
    },
    hold(batch) {
      if (batch.slug === null) return;
      held.set(batch.slug, batch);
      const [oldest] = held.size > REMEMBERED ? held.values() : [];
      oldest?.abandon();
      if (oldest?.slug != null) held.delete(oldest.slug);
    },
    drop(batch) {
      if (batch.slug !== null) held.delete(batch.slug);
    },
    held: (slug) => held.get(slug) ?? null,
    takeUp: (left, shared) => createBatch(shared, left, deps),
  };
}

function entered(batch: Batch, size: number): Batch {
  batch.enter(size);
  return batch;
}

/**
 * Whether a name arrives as it is in the form's `filename`: a shared batch sets folders only, so what an upload server
 * could read otherwise gets a batch of its own, whose properties carry the name.
 */
function isPlain(name: string): boolean {
  return name === name.normalize("NFC") && name === name.trim() && !/["'%\\\p{C}\p{Zl}\p{Zp}]/u.test(name);
}
