import type { QueueDepth, ServeStore, Waits } from "../serve-store.ts";

/**
 * Jobs by the state they show. What only the server knows makes jobs wait that are stored as queued or running; they are
 * looked at one by one only where some accounts are held and others are not.
 */
export async function shownDepth(store: Pick<ServeStore, "depth" | "countWaiting">, waits: Waits): Promise<QueueDepth> {
  const stored = await store.depth();
  const { running, waiting, queued } = stored.byState;
  const counts = await Promise.all([
    waits.uploads.length === 0 ? 0 : store.countWaiting("running", waits),
    waits.ofQueued === "some" ? store.countWaiting("queued", waits) : waits.ofQueued === "all" ? queued : 0,
  ]);
  // Jobs may have gone on between the looks.
  const [ofRunning, ofQueued] = [Math.min(counts[0], running), Math.min(counts[1], queued)];
  const shown = { running: running - ofRunning, waiting: waiting + ofRunning + ofQueued, queued: queued - ofQueued };
  return { ...stored, byState: { ...stored.byState, ...shown } };
}
