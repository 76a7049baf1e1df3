import * as v from "valibot";

const bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const milliseconds = v.pipe(v.number(), v.finite(), v.minValue(0));
const labels = v.record(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.-]{1,64}$/)), v.pipe(v.string(), v.maxLength(1024)));

/** Bytes per second by the clock: entries of "from HH:MM on"; a single entry at 00:00 holds all day; null is no limit. */
export const rateSchedule = v.array(
  v.strictObject({
    minuteOfDay: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1439)),
    rate: v.nullable(v.pipe(v.number(), v.minValue(1))),
  }),
);

/** Options that belong to a run and that `resume` takes over from it. Durations in milliseconds. */
export const runOptions = v.strictObject({
  parallel: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64)), 4),
  limitRate: v.optional(rateSchedule, []),
  retries: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000)), 5),
  retryUnknown: v.optional(v.boolean(), false),
  waitCoolDownMs: v.optional(milliseconds, 30 * 60_000),
  waitCaptchaMs: v.optional(milliseconds, 0),
  resumable: v.optional(v.picklist(["auto", "always", "never"]), "auto"),
  checksum: v.optional(v.boolean(), false),
  skipExisting: v.optional(v.boolean(), false),
  overflow: v.optional(v.picklist(["fail", "new-folder"]), "fail"),
  after: v.optional(
    v.variant("do", [
      v.strictObject({ do: v.literal("keep") }),
      v.strictObject({ do: v.literal("delete") }),
      v.strictObject({
        do: v.literal("move"),
        directory: v.pipe(v.string(), v.minLength(1)),
        /** Directories that are walked, and under which parts what is in them appears there. */
        trees: v.optional(v.array(v.strictObject({ root: v.string(), below: v.array(v.string()) }))),
      }),
    ]),
    { do: "keep" },
  ),
  idleTimeoutMs: v.optional(v.pipe(milliseconds, v.minValue(1)), 60_000),
  /** Null: 10 minutes and 1 minute per GiB. */
  answerTimeoutMs: v.optional(v.nullable(v.pipe(milliseconds, v.minValue(1))), null),
});
export type RunOptions = v.InferOutput<typeof runOptions>;

/** A named source list: `--files-from FILE`. */
const fileList = v.strictObject({
  /** "-" is stdin. */
  path: v.pipe(v.string(), v.minLength(1)),
  separator: v.picklist(["\n", "\0"]),
});

/** Everything `hoist up` was asked to do, argv already turned into numbers. */
export const upInput = v.strictObject({
  /** As typed: files, directories, "-". */
  sources: v.array(v.string()),
  filesFrom: v.optional(v.nullable(fileList), null),
  /** Each as typed: `account[:folder]`, possibly several separated by commas. */
  to: v.pipe(v.array(v.string()), v.minLength(1)),
  /** A fixed name or a template with `{…}`. */
  name: v.optional(v.nullable(v.string()), null),
  recursive: v.optional(v.boolean(), false),
  filters: v.optional(
    v.strictObject({
      include: v.optional(v.array(v.string()), []),
      exclude: v.optional(v.array(v.string()), []),
      minSize: v.optional(v.nullable(bytes), null),
      maxSize: v.optional(v.nullable(bytes), null),
      minAgeMs: v.optional(v.nullable(milliseconds), null),
    }),
    {},
  ),
  labels: v.optional(labels, {}),
  spool: v.optional(v.boolean(), false),
  run: runOptions,
});
export type UpInput = v.InferOutput<typeof upInput>;
