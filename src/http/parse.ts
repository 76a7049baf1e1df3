import * as v from "valibot";
import { AppError } from "../errors.ts";
import type { Answer } from "./request.ts";

/** The JSON of an answer, whatever its status; undefined when it is none. */
export function jsonOf(answer: Answer): unknown {
  try {
    return JSON.parse(answer.text);
  } catch {
    return undefined;
  }
}

/** The answer as `schema` wants it. Fails with `host_protocol`, quoting nothing of the answer. */
export function parseAnswer<const S extends v.GenericSchema>(
  what: string,
  schema: S,
  answer: Answer,
): v.InferOutput<S> {
  const json = jsonOf(answer);
  if (json === undefined) {
    throw new AppError("host_protocol", `the answer to ${what} is no JSON (HTTP ${answer.status})`);
  }
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return parsed.output;
  const path = parsed.issues.map((issue) => v.getDotPath(issue) ?? "the whole").join(", ");
  throw new AppError("host_protocol", `the answer to ${what} is not understood: ${path}`);
}

/** Milliseconds of a `Retry-After` header (seconds or an HTTP date); null without a usable one. */
export function retryAfterMs(headers: Headers, nowMs: number = Date.now()): number | null {
  const value = headers.get("retry-after")?.trim();
  if (value === undefined || value === "") return null;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}
