import { expect, test } from "bun:test";
import { createThrottle } from "../../src/io/throttle.ts";

/** Time that passes only when somebody sleeps; sleepers wake in order. */
function fakeTime() {
  let now = 0;
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  return {
    now: () => now,
    sleep: (ms: number) => new Promise<void>((wake) => sleepers.push({ at: now + ms, wake })),
    /** Lets everybody sleep until `until`. */
    async run(until: number) {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        sleepers.sort((a, b) => a.at - b.at);
        const next = sleepers[0];
        if (next === undefined || next.at > until) break;
        sleepers.shift();
        now = next.at;
        next.wake();
      }
      now = until;
    },
  };
}

/** Takes for ever, and counts what was let through. */
function taker(throttle: { grain(): number; take(bytes: number): Promise<void> }, chunk: number) {
  const taken = { bytes: 0 };
  void (async () => {
    for (;;) {
      const bytes = Math.min(chunk, throttle.grain());
      await throttle.take(bytes);
      taken.bytes += bytes;
    }
  })();
  return taken;
}

test("the rate holds over all takers, whatever they take at once", async () => {
  const time = fakeTime();
  const throttle = createThrottle({ rate: () => 100_000, now: time.now, sleep: time.sleep });
  const takers = [taker(throttle, 262_144), taker(throttle, 262_144), taker(throttle, 5_000)];
  await time.run(60_000);
  const total = takers.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(total).toBeGreaterThan(0.99 * 6_000_000);
  expect(total).toBeLessThan(1.01 * 6_000_000);
  expect(takers[0]?.bytes).toBeCloseTo(takers[1]?.bytes ?? 0, -5);
});

test("the rate of the moment holds, and a pause is not saved up", async () => {
  const time = fakeTime();
  let rate: number | null = 10_000;
  const throttle = createThrottle({ rate: () => rate, now: time.now, sleep: time.sleep });
  const first = taker(throttle, 262_144);
  await time.run(10_000);
  expect(first.bytes).toBeCloseTo(100_000, -4);
  rate = 50_000;
  const before = first.bytes;
  await time.run(20_000);
  expect(first.bytes - before).toBeGreaterThan(490_000);
  expect(first.bytes - before).toBeLessThan(510_000);

  const late = createThrottle({ rate: () => 10_000, now: time.now, sleep: time.sleep });
  await time.run(100_000);
  const second = taker(late, 262_144);
  await time.run(101_000);
  expect(second.bytes).toBeLessThan(12_000);
  rate = null;
});

test("without a limit nothing waits and nothing is cut", async () => {
  const throttle = createThrottle({ rate: () => null, now: () => 0, sleep: () => Promise.reject(new Error("waited")) });
  expect(throttle.grain()).toBe(Number.POSITIVE_INFINITY);
  for (let round = 0; round < 100; round += 1) await throttle.take(1e9);
});

test("a grain is a fraction of a second, and never tiny", () => {
  const grainAt = (rate: number) => createThrottle({ rate: () => rate, now: () => 0, sleep: async () => {} }).grain();
  expect(grainAt(1)).toBe(1024);
  expect(grainAt(80_000)).toBe(10_000);
});

test("a sleep that is cut short ends the taking", async () => {
  const throttle = createThrottle({ rate: () => 1, now: () => 0, sleep: () => Promise.reject(new Error("stopped")) });
  await throttle.take(1024);
  await expect(throttle.take(1024)).rejects.toThrow("stopped");
});
