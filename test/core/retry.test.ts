import { describe, expect, test } from "bun:test";
import { coolDownMs, createRetryBudget, drawBackoffMs, sleep } from "../../src/core/retry.ts";
import { countingSignal } from "../support/counting-signal.ts";

describe("waits between attempts", () => {
  test("are anything up to the doubled base, and never more than 60 bases", () => {
    const longest = [0, 1, 2, 3, 4, 5, 6, 7, 50, 1e6].map((failures) => drawBackoffMs(failures, 1000, () => 1));
    expect(longest).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]);
    expect(drawBackoffMs(5, 1000, () => 0)).toBe(0);
    expect(drawBackoffMs(2, 10, () => 0.5)).toBe(20);
  });

  test("of a whole account double from 300 to 1800 bases", () => {
    expect([0, 1, 2, 3, 100].map((earlier) => coolDownMs(earlier, 1000))).toEqual([
      300_000, 600_000, 1_200_000, 1_800_000, 1_800_000,
    ]);
  });
});

describe("a sleep", () => {
  test("ends with its time", async () => {
    await sleep(1, new AbortController().signal);
  });

  test("is cut short by the signal, and by one that has fired before", async () => {
    const stop = new AbortController();
    const long = sleep(60_000, stop.signal);
    stop.abort();
    await expect(long).rejects.toMatchObject({ code: "cancelled" });
    await expect(sleep(60_000, stop.signal)).rejects.toMatchObject({ code: "cancelled" });
  });

  test("longer than a timer can hold is not none", async () => {
    const stop = new AbortController();
    let over = false;
    const long = sleep(2 ** 40, stop.signal).then(
      () => {
        over = true;
      },
      () => {},
    );
    await Bun.sleep(20);
    expect(over).toBe(false);
    stop.abort();
    await long;
  });

  test("leaves nothing on the signal", async () => {
    const { signal, listeners } = countingSignal();
    await sleep(1, signal);
    expect(listeners()).toBe(0);
  });
});

test("a budget is spent by retries and earned by successes, up to its size", () => {
  const budget = createRetryBudget(3);
  expect([budget.spend(), budget.spend(), budget.spend(), budget.spend()]).toEqual([true, true, true, false]);
  budget.earn();
  expect([budget.spend(), budget.spend(), budget.spend()]).toEqual([true, true, false]);
  for (let round = 0; round < 10; round += 1) budget.earn();
  expect([1, 2, 3, 4].map(() => budget.spend())).toEqual([true, true, true, false]);
});
