import {
  FORMS,
  parseDuration,
  parseMoment,
  parseRateSchedule,
  parseSize,
  type RateSchedule,
} from "../../core/units.ts";
import { AppError } from "../../errors.ts";

/** Values of options as typed → numbers. Each fails with `usage`, naming the option; undefined stays undefined. */

export function readCount<T extends string | undefined>(
  flag: string,
  text: T,
  range: { readonly min: number; readonly max: number },
): number | (T & undefined) {
  return read(flag, text, `a whole number from ${range.min} to ${range.max}`, (typed) => {
    const number = /^\d+$/.test(typed) ? Number(typed) : Number.NaN;
    return number >= range.min && number <= range.max ? number : null;
  });
}

export function readSize<T extends string | undefined>(flag: string, text: T): number | (T & undefined) {
  return read(flag, text, FORMS.size, parseSize);
}

/** Milliseconds. */
export function readDuration<T extends string | undefined>(flag: string, text: T): number | (T & undefined) {
  return read(flag, text, FORMS.duration, parseDuration);
}

export function readRate<T extends string | undefined>(flag: string, text: T): RateSchedule | (T & undefined) {
  return read(flag, text, FORMS.rate, parseRateSchedule);
}

/** Milliseconds since the epoch. */
export function readMoment<T extends string | undefined>(
  flag: string,
  text: T,
  edge: "start" | "end",
): number | (T & undefined) {
  return read(flag, text, FORMS.date, (typed) => parseMoment(typed, Date.now(), edge));
}

/** `--label K=V`, given any number of times; the last of a key counts. */
export function readLabels(pairs: readonly string[]): Readonly<Record<string, string>> {
  const labels = pairs.map((pair) => {
    const match = /^([A-Za-z0-9_.-]{1,64})=(.{0,1024})$/su.exec(pair);
    if (match === null) {
      throw new AppError("usage", `--label "${pair}" is not KEY=VALUE`, {
        hint: "a key has letters, digits, and any of _ . -",
      });
    }
    return [match[1], match[2]];
  });
  return Object.fromEntries(labels);
}

export function read<V, T extends string | undefined>(
  flag: string,
  text: T,
  form: string,
  parse: (typed: string) => V | null,
): V | (T & undefined) {
  if (text === undefined) return text as T & undefined;
  const value = parse(text);
  if (value === null)
    throw new AppError("usage", `${flag} does not understand "${text}"`, { hint: `it takes ${form}` });
  return value;
}
