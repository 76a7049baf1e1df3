import { expect, test } from "bun:test";
import { createRateLimit, rateAt } from "../../../src/core/accounts/rate-limit.ts";

const at = (hours: number, minutes: number) => new Date(2026, 5, 1, hours, minutes);

test("an entry holds from its time of day on, the last one over midnight", () => {
  const schedule = [
    { minuteOfDay: 23 * 60 + 30, rate: null },
    { minuteOfDay: 8 * 60, rate: 800 },
    { minuteOfDay: 12 * 60, rate: 100 },
  ];
  expect(rateAt(schedule, at(8, 0))).toBe(800);
  expect(rateAt(schedule, at(7, 59))).toBeNull();
  expect(rateAt(schedule, at(0, 0))).toBeNull();
  expect(rateAt(schedule, at(11, 59))).toBe(800);
  expect(rateAt(schedule, at(12, 0))).toBe(100);
  expect(rateAt(schedule, at(23, 29))).toBe(100);
  expect(rateAt(schedule, at(23, 30))).toBeNull();
  expect(rateAt([{ minuteOfDay: 0, rate: 5 }], at(3, 0))).toBe(5);
});

test("no schedule is no throttle", () => {
  expect(createRateLimit([], new AbortController().signal)).toBeNull();
});

test("the wait for a turn ends with the signal", async () => {
  const stop = new AbortController();
  const throttle = createRateLimit([{ minuteOfDay: 0, rate: 1 }], stop.signal);
  await throttle?.take(1024);
  const wait = throttle?.take(1024);
  stop.abort();
  await expect(Promise.race([wait, Bun.sleep(1000)])).rejects.toMatchObject({ code: "cancelled" });
});
