import { AppError, toAppError } from "../../errors.ts";
import type { Lane } from "./lane.ts";
import type { Slots } from "./slots.ts";

/** An upload's place in its lane and among the run's slots: given up early, taken again, given up in the end. */
export interface Place {
  /** Whether another upload of the account moves bytes or waits for its turn. */
  readonly more: boolean;
  /** The bytes are stored: the next upload may start while this one is placed and committed. */
  release(): void;
  /** Gives the place up for a long wait. */
  pause(): Promise<void>;
  /** Waits for a place, if this upload has none. Fails with `cancelled`. */
  reenter(signal: AbortSignal): Promise<void>;
  /** The upload has ended. Never throws. */
  leave(): Promise<void>;
}

/** Of an upload that has just been given its lane and slot. */
export function createPlace(lane: Lane, slots: Slots, degraded: (error: AppError) => void): Place {
  let inside = true;
  let early = false;

  async function give(): Promise<void> {
    if (!inside) return;
    inside = false;
    // A lane that stays taken would make this process wait for itself.
    const left = lane.leave().catch((thrown) => degraded(toAppError(thrown)));
    // Whoever takes the slot asks for a lane behind this one, which is free by then.
    slots.give();
    await left;
  }

  async function enter(): Promise<boolean> {
    if (!slots.free || !lane.open) return false;
    try {
      if (!(await lane.enter())) return false;
    } catch (thrown) {
      degraded(toAppError(thrown));
      lane.enterUnrecorded();
    }
    slots.take();
    return true;
  }

  function settle(): void {
    if (early) lane.settled();
    early = false;
  }

  return {
    get more() {
      return lane.queued > 0 || lane.active > (inside ? 1 : 0);
    },
    release() {
      if (!inside) return;
      early = true;
      lane.leftEarly();
      void give();
    },
    pause: give,
    async reenter(signal) {
      while (!inside) {
        if (signal.aborted) throw new AppError("cancelled", "stopped while waiting for its turn");
        const seen = slots.version;
        inside = await slots.alone(enter);
        if (!inside) await slots.changed(seen, lane.retryInMs, signal);
      }
      settle();
    },
    async leave() {
      await give();
      settle();
      slots.wake();
    },
  };
}
