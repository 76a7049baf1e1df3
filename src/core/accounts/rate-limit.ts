import { createThrottle, type Throttle } from "../../io/throttle.ts";
import type { RunOptions } from "../inputs.ts";
import { sleep } from "../retry.ts";

/** The throttle of `--limit-rate`, whose waits end with `cancelled` when the signal fires; null without one. */
export function createRateLimit(schedule: RunOptions["limitRate"], signal: AbortSignal): Throttle | null {
  if (schedule.length === 0) return null;
  return createThrottle({
    rate: () => rateAt(schedule, new Date()),
    now: () => performance.now(),
    sleep: (ms) => sleep(ms, signal),
  });
}

/** Bytes per second at that local time of day; before the first entry of a day the last one still holds. */
export function rateAt(schedule: RunOptions["limitRate"], at: Date): number | null {
  const minute = at.getHours() * 60 + at.getMinutes();
  const sorted = schedule.toSorted((a, b) => a.minuteOfDay - b.minuteOfDay);
  return (sorted.findLast((entry) => entry.minuteOfDay <= minute) ?? sorted.at(-1))?.rate ?? null;
}
