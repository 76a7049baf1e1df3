import type { RunOptions } from "./inputs.ts";

/** Bytes per second by the clock, ordered by time of day; empty is no limit at all. */
export type RateSchedule = RunOptions["limitRate"];

/** What a person may write, for messages: `--min-size is no size; write 500K, …`. */
export const FORMS = {
  size: "bytes, or a number with K, M, G or T: 500K, 10M, 1.5G",
  duration: "seconds, or a number with ms, s, m, h or d: 90s, 30m, 1h30m",
  rate: 'bytes per second as 500K or 10M, bits as 20Mbit, by the clock as "08:00,800K 23:30,off", or off',
  date: "a duration such as 24h, or a date such as 2026-01-31 or 2026-01-31T18:00",
} as const;

const BINARY = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4, p: 1024 ** 5 } as const;
const DECIMAL = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15 } as const;
const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

type Scale = keyof typeof BINARY;
type TimeUnit = keyof typeof MILLISECONDS;

/** Bytes of `500K`, `1.5GiB`, `2MB` (all powers of 1024) or a plain number; null when it is no size. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i.exec(text.trim());
  return match === null ? null : safeBytes(Number(match[1]) * BINARY[scaleOf(match[2])]);
}

/** Milliseconds of `30m`, `1h30m`, `500ms` or plain seconds; null when it is no duration. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim().toLowerCase();
  if (/^\d+(?:\.\d+)?$/.test(trimmed)) return finite(Number(trimmed) * MILLISECONDS.s);
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/.test(trimmed)) return null;
  let total = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) {
    total += Number(amount) * MILLISECONDS[unit as TimeUnit];
  }
  return finite(total);
}

/** A rate that holds all day, or entries of "from HH:MM on"; null when it is neither. */
export function parseRateSchedule(text: string): RateSchedule | null {
  const words = text.trim().split(/\s+/);
  const [only] = words;
  if (words.length === 1 && only !== undefined && !only.includes(",")) {
    const rate = parseRate(only);
    return rate === undefined ? null : rate === null ? [] : [{ minuteOfDay: 0, rate }];
  }
  const schedule: RateSchedule = [];
  for (const word of words) {
    const match = /^([01]?\d|2[0-3]):([0-5]\d),(.+)$/.exec(word);
    const rate = parseRate(match?.[3] ?? "");
    if (match === null || rate === undefined) return null;
    const minuteOfDay = Number(match[1]) * 60 + Number(match[2]);
    if (schedule.some((entry) => entry.minuteOfDay === minuteOfDay)) return null;
    schedule.push({ minuteOfDay, rate });
  }
  return schedule.sort((a, b) => a.minuteOfDay - b.minuteOfDay);
}

/** Bytes per second that hold at `at` (local time); before the day's first entry yesterday's last one still does. */
export function rateAt(schedule: RateSchedule, at: Date): number | null {
  const minute = at.getHours() * 60 + at.getMinutes();
  const entry = schedule.findLast(({ minuteOfDay }) => minuteOfDay <= minute) ?? schedule.at(-1);
  return entry?.rate ?? null;
}

/** Null is no limit, undefined is not understood. */
function parseRate(text: string): number | null | undefined {
  const word = text.replace(/\/s$/i, "");
  if (/^(?:off|0)$/i.test(word)) return null;
  const bits = /^(\d+(?:\.\d+)?)([kmgt]?)bits?$/i.exec(word);
  const rate = bits === null ? parseSize(word) : safeBytes((Number(bits[1]) * DECIMAL[scaleOf(bits[2])]) / 8);
  return rate === null || rate < 1 ? undefined : rate;
}

/**
 * Milliseconds since the epoch of a moment: `24h` is that long before `now`; a date without an offset is local time.
 * A bare day is its first moment, or its last with `edge` "end". Null when it is neither.
 */
export function parseMoment(text: string, now: number, edge: "start" | "end" = "start"): number | null {
  const ago = /[a-z]$/i.test(text) ? parseDuration(text) : null;
  if (ago !== null) return now - ago;
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/i.exec(text);
  if (match === null) return null;
  const [, day = "", time, offset = ""] = match;
  const moment = new Date(`${day}T${time ?? "00:00"}${offset}`);
  // The parser lets 31 February roll over into March; that is a slip.
  const calendar = new Date(`${day}T00:00Z`);
  if (Number.isNaN(moment.getTime()) || Number.isNaN(calendar.getTime())) return null;
  if (!calendar.toISOString().startsWith(day)) return null;
  if (time === undefined && edge === "end") {
    moment.setDate(moment.getDate() + 1);
    return moment.getTime() - 1;
  }
  return moment.getTime();
}

/** `2.9 MiB`; whole bytes below 1 KiB. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  // 1023.95 would print as 1024.0.
  while (value >= (unit === 0 ? 1024 : 1023.95) && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `2.9 MiB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** `450 ms`, `2.5 s`, `1 min 20 s`, `3 h 05 min`, `2 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** RFC 3339 in UTC, with milliseconds. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function scaleOf(letter: string | undefined): Scale {
  return (letter ?? "").toLowerCase() as Scale;
}

function safeBytes(bytes: number): number | null {
  const whole = Math.round(bytes);
  return Number.isSafeInteger(whole) ? whole : null;
}

function finite(ms: number): number | null {
  return Number.isFinite(ms) && ms <= Number.MAX_SAFE_INTEGER ? ms : null;
}
