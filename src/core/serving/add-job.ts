import * as v from "valibot";
import { parseAfter } from "../after.ts";

const label = v.pipe(v.string(), v.maxLength(1024));
const labelName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.-]{1,64}$/));

/** `POST /v1/jobs` and `hoist jobs add`: a file or directory this machine can read, and what to do with it. */
export const addJob = v.strictObject({
  path: v.pipe(v.string(), v.minLength(1), v.maxLength(4096)),
  to: v.optional(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(4096))), []),
  name: v.optional(v.nullable(v.pipe(v.string(), v.minLength(1), v.maxLength(1024))), null),
  /** What `{n}` in the name is for the first file; without it 1. */
  firstNumber: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1, "must be a whole number from 1 on"))),
  /** A hook whose rewrite, destinations, settle and dedupe are taken, as if its sender had named the path. */
  hook: v.optional(v.nullable(v.pipe(v.string(), v.minLength(1), v.maxLength(64)))),
  labels: v.optional(v.record(labelName, label), {}),
  recursive: v.optional(v.boolean(), false),
  callback: v.optional(v.nullable(v.pipe(v.string(), v.url(), v.maxLength(2048))), null),
  notBefore: v.optional(
    v.nullable(v.pipe(v.string(), v.isoTimestamp(), v.check(isMoment, "must be a time such as 2026-12-01T02:00:00Z"))),
    null,
  ),
  resumable: v.optional(v.picklist(["auto", "always", "never"]), "auto"),
  after: v.optional(
    v.pipe(
      v.string(),
      v.check((text) => parseAfter(text) !== null, "must be keep, delete or move:DIR"),
    ),
    "keep",
  ),
});

/** Not what only looks like a time: a day that its month does not have, or an offset that `Date` cannot read. */
function isMoment(text: string): boolean {
  // Told by the schema itself.
  if (!v.ISO_TIMESTAMP_REGEX.test(text)) return true;
  const midnight = `${text.slice(0, "2026-12-01".length)}T00:00:00.000Z`;
  return !Number.isNaN(Date.parse(text)) && new Date(midnight).toISOString() === midnight;
}

export type AddJob = v.InferOutput<typeof addJob>;
