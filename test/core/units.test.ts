import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  formatBytes,
  formatDuration,
  formatRate,
  parseDuration,
  parseMoment,
  parseRateSchedule,
  parseSize,
  rateAt,
} from "../../src/core/units.ts";

describe("parseSize", () => {
  test.each([
    ["0", 0],
    ["500", 500],
    ["500K", 512_000],
    ["500k", 512_000],
    ["10M", 10 * 1024 ** 2],
    ["10MB", 10 * 1024 ** 2],
    ["10 MiB", 10 * 1024 ** 2],
    ["1.5G", 1.5 * 1024 ** 3],
    ["2T", 2 * 1024 ** 4],
    ["7b", 7],
  ])("%s is %d bytes", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each(["", "K", "-1", "1X", "1e3", "1,5K", "0x10", "10Mbit", "9999999P", "NaN", "1.K", "1i"])(
    "%p is no size",
    (text) => expect(parseSize(text)).toBeNull(),
  );

  test("reads back what formatBytes prints, to the printed digit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (bytes) => {
        const read = parseSize(formatBytes(bytes)) ?? Number.NaN;
        expect(Math.abs(read - bytes)).toBeLessThanOrEqual(bytes * 0.06);
      }),
    );
  });
});

describe("parseDuration", () => {
  test.each([
    ["0", 0],
    ["90", 90_000],
    ["1.5", 1500],
    ["250ms", 250],
    ["30m", 1_800_000],
    ["1h30m", 5_400_000],
    ["0.01s", 10],
    ["2d", 172_800_000],
    ["10M", 600_000],
  ])("%s is %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each(["", "s", "1x", "-5s", "1h 30m", "5m3", "1e3s", "Infinity"])("%p is no duration", (text) =>
    expect(parseDuration(text)).toBeNull(),
  );
});

describe("rates", () => {
  test.each([
    ["500K", 512_000],
    ["10M", 10 * 1024 ** 2],
    ["10M/s", 10 * 1024 ** 2],
    ["20Mbit", 2_500_000],
    ["8kbit/s", 1000],
    ["1000", 1000],
  ])("%s holds all day", (text, rate) => expect(parseRateSchedule(text)).toEqual([{ minuteOfDay: 0, rate }]));

  test.each(["off", "0"])("%s is no limit", (text) => expect(parseRateSchedule(text)).toEqual([]));

  test("by the clock, in any order, wraps around midnight", () => {
    const schedule = parseRateSchedule("23:30,off 8:00,800K") ?? [];
    expect(schedule).toEqual([
      { minuteOfDay: 480, rate: 819_200 },
      { minuteOfDay: 1410, rate: null },
    ]);
    expect(rateAt(schedule, new Date(2026, 0, 1, 7, 59))).toBeNull();
    expect(rateAt(schedule, new Date(2026, 0, 1, 8, 0))).toBe(819_200);
    expect(rateAt(schedule, new Date(2026, 0, 1, 23, 29))).toBe(819_200);
    expect(rateAt(schedule, new Date(2026, 0, 1, 23, 30))).toBeNull();
    expect(rateAt([], new Date())).toBeNull();
  });

  test.each(["", "fast", "24:00,1M", "08:60,1M", "08:00,", "08:00,1M 08:00,2M", "1M 2M", "08:00,1M,2M", "0.1", "-1M"])(
    "%p is no rate",
    (text) => expect(parseRateSchedule(text)).toBeNull(),
  );
});

describe("parseMoment", () => {
  const now = Date.UTC(2026, 5, 1, 12);
  test.each([
    ["24h", now - 86_400_000],
    ["2026-01-31", new Date(2026, 0, 31).getTime()],
    ["2026-01-31T18:00", new Date(2026, 0, 31, 18).getTime()],
    ["2026-01-31 18:00:30", new Date(2026, 0, 31, 18, 0, 30).getTime()],
    ["2026-01-31T18:00:00.25Z", Date.UTC(2026, 0, 31, 18, 0, 0, 250)],
    ["2026-01-31T18:00+02:00", Date.UTC(2026, 0, 31, 16)],
  ])("%s", (text, ms) => expect(parseMoment(text, now)).toBe(ms));

  test("a bare day as an end is its last moment", () =>
    expect(parseMoment("2026-01-31", now, "end")).toBe(new Date(2026, 1, 1).getTime() - 1));

  test.each(["", "yesterday", "2026-02-31", "2026-13-01", "2026-01-31T25:00", "20260131", "5"])(
    "%p is no moment",
    (text) => expect(parseMoment(text, now)).toBeNull(),
  );
});

describe("for people", () => {
  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1024 ** 2 - 1, "1.0 MiB"],
    [3_000_000, "2.9 MiB"],
    [5 * 1024 ** 4, "5.0 TiB"],
  ])("%d bytes", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test("rates", () => expect(formatRate(2048)).toBe("2.0 KiB/s"));

  test.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [2500, "2.5 s"],
    [59_400, "59 s"],
    [80_000, "1 min 20 s"],
    [11_100_000, "3 h 05 min"],
    [187_200_000, "2 d 4 h"],
  ])("%d ms", (ms, text) => expect(formatDuration(ms)).toBe(text));
});
