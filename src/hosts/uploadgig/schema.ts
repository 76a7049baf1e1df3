import * as v from "valibot";

/** `cmbs` counts in these [D]. */
const MEBIBYTE = 1_048_576;

const whole = v.pipe(v.number(), v.integer());
const numeric = v.pipe(v.string(), v.trim(), v.regex(/^-?\d+(?:\.\d+)?$/), v.transform(Number));
/** Documented as a number and sent as a string, or the other way round [D/O]. */
const looseNumber = v.union([v.pipe(v.number(), v.finite()), numeric]);

/** Absent, of another type or senseless: not known. */
const mebibytes = v.fallback(v.nullable(v.pipe(looseNumber, v.minValue(0))), null);
const text = v.fallback(v.nullable(v.string()), null);

/** Step 1: what may be sent where, or the host's sentence. */
export const actionAnswer = v.object({
  /** Only 1 is success [D]. */
  code: v.pipe(v.union([whole, numeric]), v.integer()),
  // A refusal without a sentence is one all the same: asking again would be one more login.
  result: v.optional(
    v.union([
      v.pipe(
        v.object({ action: v.string(), cmbs: v.optional(mebibytes, null) }),
        v.transform(({ action, cmbs }) => ({ action, allowed: cmbs === null ? null : Math.floor(cmbs * MEBIBYTE) })),
      ),
      v.pipe(
        v.unknown(),
        v.transform((other) => (typeof other === "string" ? other : null)),
      ),
    ]),
    null,
  ),
});

const uploadEntry = v.object({
  /** Success is `true` alone [O]. */
  ok: v.optional(v.unknown()),
  message: v.optional(text, null),
  url: v.optional(text, null),
  id: v.optional(v.fallback(v.nullable(v.union([v.string(), v.pipe(v.number(), v.transform(String))])), null), null),
  size: v.optional(v.fallback(v.nullable(looseNumber), null), null),
});

/** Step 2: documented as an object keyed "0", indexed like an array by the page's own sample [D/O]. */
export const uploadAnswer = v.union([
  v.pipe(
    v.tuple([uploadEntry]),
    v.transform(([entry]) => entry),
  ),
  v.pipe(
    v.object({ 0: uploadEntry }),
    v.transform((envelope) => envelope[0]),
  ),
]);
export type UploadEntry = v.InferOutput<typeof uploadAnswer>;
