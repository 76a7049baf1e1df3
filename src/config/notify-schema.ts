import * as v from "valibot";
import type { Json } from "../json.ts";
import { NOTIFY_FIELDS, parseNotifyTemplate } from "./notify-template.ts";
import { type SecretSpec, secretSpec } from "./secret-spec.ts";
import { section } from "./section.ts";
import { filled } from "./values.ts";

/** What a `[[notify]]` can be told of. */
export const NOTIFY_EVENTS = ["failed", "unknown", "captcha", "paused", "done"] as const;
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

/** A text that may be kept elsewhere, or may stand in the file without making that a secret. */
export type TextSpec = SecretSpec | { readonly from: "plain"; readonly value: string };

/** Headers that hold a secret by their name. */
const SECRET_HEADER = /authorization|token|key|secret|cookie|password/i;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const textSpec = v.lazy((input) => (typeof input === "string" ? plainSpec : secretSpec)) as v.GenericSchema<
  unknown,
  TextSpec
>;
const plainSpec = v.pipe(
  filled,
  v.transform((value): TextSpec => ({ from: "plain", value })),
);

const headers = v.pipe(
  v.record(v.pipe(v.string(), v.regex(HEADER_NAME, "is no header name")), textSpec, "must be a table"),
  v.transform((table) => Object.fromEntries(Object.entries(table).map(([name, spec]) => [name, judged(name, spec)]))),
);

function judged(name: string, spec: TextSpec): TextSpec {
  return spec.from === "plain" && SECRET_HEADER.test(name) ? { from: "literal", value: spec.value } : spec;
}

const UNKNOWN = `has a placeholder that nothing stands for; there are ${NOTIFY_FIELDS.map((name) => `{${name}}`).join(" ")} {label.KEY}`;
const template = v.pipe(
  filled,
  v.check((text) => parseNotifyTemplate(text) !== null, UNKNOWN),
);

const json = v.union(
  [
    v.literal(true),
    v.pipe(
      v.custom<{ readonly [key: string]: Json }>((value) => typeof value === "object" && value !== null),
      v.check((value) => textsOf(value).every((text) => parseNotifyTemplate(text) !== null), UNKNOWN),
    ),
  ],
  "must be a table whose texts are templates, or true for the message of a callback",
);

function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

const target = v.pipe(
  section({
    /** Names it in the log, and finds it again for a message that is still to be delivered. */
    name: v.optional(v.pipe(filled, v.regex(/^[\w-]{1,64}$/, "takes letters, digits, - and _"))),
    url: textSpec,
    on: v.optional(v.array(v.picklist(NOTIFY_EVENTS, `must be one of ${NOTIFY_EVENTS.join(", ")}`)), [
      ...NOTIFY_EVENTS,
    ]),
    body: v.optional(template),
    json: v.optional(json),
    headers: v.optional(headers, {}),
  }),
  v.check(({ body, json: table }) => body === undefined || table === undefined, "has both body and json"),
);

/** `[[notify]]`: messages about jobs to ntfy, gotify, Discord, healthchecks and the like. */
export const notify = v.pipe(
  v.array(target, "must be a list: [[notify]]"),
  v.check((targets) => new Set(targets.map(notifyName)).size === targets.length, "has a name twice"),
);
export type NotifySection = v.InferOutput<typeof target>;

/** Its own name, or its place in the file, from 1. */
export function notifyName({ name }: { readonly name?: string | undefined }, index: number): string {
  return name ?? String(index + 1);
}
