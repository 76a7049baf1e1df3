import { expect, jest, test } from "bun:test";
import { createMeter } from "../../../src/core/sending/meter.ts";

function metered() {
  jest.useFakeTimers();
  let at = 0;
  const told: [bytes: number, rate: number][] = [];
  const meter = createMeter(
    (bytes, rate) => told.push([bytes, rate]),
    () => at,
  );
  const pass = (ms: number) => {
    for (const end = at + ms; at < end; ) {
      at += 10;
      jest.advanceTimersByTime(10);
    }
  };
  return { meter, told, pass, [Symbol.dispose]: () => void jest.useRealTimers() };
}

test("tells of bytes that were swallowed at once while nothing more is added", () => {
  using m = metered();
  m.pass(10);
  m.meter.add(5000, true);
  expect(m.told).toEqual([]);
  m.pass(240);
  expect(m.told).toEqual([[5000, 20_000]]);
  m.pass(10_000);
  m.meter.end();
  expect(m.told).toHaveLength(1);
});

test("forgets the first gulp, and is told every quarter of a second at most", () => {
  using m = metered();
  m.meter.add(1_000_000, true);
  for (let n = 0; n < 100; n += 1) {
    m.pass(50);
    m.meter.add(50, true);
  }
  expect(m.told.length).toBeGreaterThan(15);
  expect(m.told.length).toBeLessThanOrEqual(20);
  expect(m.told[0]?.[1]).toBeGreaterThan(1_000_000);
  expect(m.told.at(-1)?.[1]).toBe(1000);
});

test("bytes of before, and those a broken attempt takes back, are no speed", () => {
  using m = metered();
  m.meter.add(1_000_000, false);
  m.pass(500);
  expect(m.told).toEqual([[1_000_000, 0]]);
  m.meter.add(500, true);
  expect(m.told.at(-1)).toEqual([1_000_500, 1000]);
  m.meter.add(-1_000_500, true);
  m.pass(500);
  expect(m.told).toHaveLength(2);
  m.meter.add(500, true);
  expect(m.told.at(-1)).toEqual([500, 1000]);
});
