import { posix } from "node:path";
import * as v from "valibot";
import { FORMS, parseDuration } from "../core/units.ts";
import { secretSpec } from "./secret-spec.ts";
import { section } from "./section.ts";
import { filled, written } from "./values.ts";

/** The senders whose payloads are known by name; `generic` is told where to look. */
export const PRESETS = ["sonarr", "radarr", "qbittorrent", "transmission", "mediamtx", "bililive", "generic"] as const;
export type PresetName = (typeof PRESETS)[number];

const folder = v.pipe(filled, v.check(posix.isAbsolute, "must be an absolute path"));
const scalar = v.union([v.string(), v.number(), v.boolean()], "must be a text, a number or true or false");

const AUTH_KINDS = ["bearer", "basic", "standard", "github", "query_token"] as const;
const TESTS = ["equals", "in", "matches", "exists"] as const;

function hasOne(table: object, keys: readonly string[]): boolean {
  return keys.filter((key) => key in table).length === 1;
}

const auth = v.pipe(
  section({
    bearer: v.optional(secretSpec),
    basic: v.optional(section({ user: filled, password: secretSpec })),
    standard: v.optional(secretSpec),
    github: v.optional(secretSpec),
    query_token: v.optional(secretSpec),
  }),
  v.check((table) => hasOne(table, AUTH_KINDS), `must have exactly one of ${AUTH_KINDS.join(", ")}`),
);

const condition = v.pipe(
  section({
    at: filled,
    equals: v.optional(scalar),
    in: v.optional(v.array(scalar, "must be a list")),
    matches: v.optional(filled),
    exists: v.optional(v.boolean("must be true or false")),
  }),
  v.check((table) => hasOne(table, TESTS), `must have exactly one of ${TESTS.join(", ")}`),
);

const hook = v.pipe(
  section({
    preset: v.optional(v.picklist(PRESETS, `must be one of ${PRESETS.join(", ")}`), "generic"),
    to: v.optional(
      v.pipe(v.array(filled, "must be a list of destinations"), v.minLength(1, "must name a destination")),
    ),
    base: v.optional(folder),
    auth: v.optional(auth),
    methods: v.optional(
      v.pipe(v.array(v.picklist(["POST", "GET"], "must be POST or GET"), "must be a list"), v.minLength(1, "is empty")),
      ["POST"],
    ),
    rewrite: v.optional(
      v.array(
        v.strictTuple([filled, filled], "must be a pair: the sender's prefix, this machine's"),
        "must be a list of pairs",
      ),
      [],
    ),
    roots: v.optional(v.array(folder, "must be a list of folders")),
    settle: v.optional(written(parseDuration, FORMS.duration), 0),
    path: v.optional(filled),
    name: v.optional(filled),
    when: v.optional(v.array(condition, "must be a list of conditions"), []),
  }),
  v.forward(
    v.check(
      ({ preset, path }) => preset !== "generic" || path !== undefined,
      "is missing: the preset generic needs it",
    ),
    ["path"],
  ),
);
export type HookSection = v.InferOutput<typeof hook>;
export type HookAuthSection = NonNullable<HookSection["auth"]>;

const hookName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][\w-]{0,63}$/, "is no hook name: it takes letters, digits, - and _, at most 64"),
);

/** `[hooks.NAME]`. */
export const hooks = v.record(hookName, hook, "must be a table");
