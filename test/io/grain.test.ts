import { expect, test } from "bun:test";
import { createGrain } from "../../src/io/grain.ts";

/** Pieces of a line that carries so many bytes per second, and the milliseconds of the last one. */
function settle(perSecond: number) {
  const grain = createGrain();
  for (let piece = 0; piece < 100; piece += 1) grain.took((grain.bytes / perSecond) * 1000);
  return { bytes: grain.bytes, ms: (grain.bytes / perSecond) * 1000 };
}

test.each([100_000, 1_000_000, 10_000_000])("at %d bytes a second a piece is a moment's worth", (perSecond) => {
  const { ms } = settle(perSecond);
  expect(ms).toBeGreaterThanOrEqual(25);
  expect(ms).toBeLessThanOrEqual(250);
});

test("pieces of a very fast line are as large as the buffers, those of a very slow one still show that it moves", () => {
  expect(settle(1e9).bytes).toBe(1024 * 1024);
  expect(settle(4_000).bytes).toBe(16 * 1024);
});

test("buffers that swallow the first megabytes do not make pieces too large for the line behind them", () => {
  const perSecond = 10_000;
  const grain = createGrain();
  let room = 8 * 1024 * 1024;
  let longest = 0;
  for (let piece = 0; piece < 200; piece += 1) {
    const swallowed = Math.min(room, grain.bytes);
    room -= swallowed;
    const ms = ((grain.bytes - swallowed) / perSecond) * 1000;
    longest = Math.max(longest, ms);
    grain.took(ms);
  }
  // Half of what is taken for a stall.
  expect(longest).toBeLessThan(30_000);
});
