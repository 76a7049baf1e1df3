import * as v from "valibot";
import { JOB_STATES } from "../core/serve-store.ts";
import { ERROR_CLASSES, type ErrorCode } from "../errors.ts";

/*
 * What the server answers with, for the OpenAPI document. Tests hold real answers against it; the server itself does
 * not look at what it says.
 */

const text = v.string();
const maybeText = v.nullable(v.string());
const maybeTime = v.nullable(v.pipe(v.string(), v.isoTimestamp()));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const state = v.picklist(JOB_STATES);
const waitingFor = v.nullable(v.picklist(["cool-down", "captcha", "notBefore", "settle", "account", "retry"]));
const labels = v.record(v.string(), v.string());
const code = v.picklist(Object.keys(ERROR_CLASSES) as ErrorCode[]);

const errorSchema = v.strictObject({
  code,
  exit: count,
  message: text,
  hint: maybeText,
  hostMessage: maybeText,
  retryable: v.boolean(),
  url: maybeText,
});

const uploadSchema = v.strictObject({
  state,
  phase: v.picklist(["new", "preparing", "sending", "finishing", "stored", "placed", "committing", "committed"]),
  bytes: count,
  waitingFor,
  waitingUntil: maybeTime,
  id: text,
  ok: v.nullable(v.boolean()),
  file: text,
  name: text,
  account: text,
  host: text,
  folder: maybeText,
  size: v.nullable(count),
  md5: maybeText,
  url: maybeText,
  remoteId: maybeText,
  verified: v.nullable(v.picklist(["md5", "size"])),
  attempts: count,
  seconds: v.nullable(v.pipe(v.number(), v.minValue(0))),
  skipped: v.boolean(),
  skipReason: v.nullable(v.picklist(["ledger", "host", "running"])),
  labels,
  error: v.nullable(errorSchema),
});

export const jobViewSchema = v.strictObject({
  v: v.literal(1),
  id: text,
  state,
  waitingFor,
  waitingUntil: maybeTime,
  source: v.strictObject({ path: text, size: v.nullable(count) }),
  labels,
  group: maybeText,
  hook: maybeText,
  createdAt: v.pipe(v.string(), v.isoTimestamp()),
  startedAt: maybeTime,
  finishedAt: maybeTime,
  notBefore: maybeTime,
  uploads: v.array(uploadSchema),
});

export const jobsPage = v.strictObject({ v: v.literal(1), jobs: v.array(jobViewSchema), next: maybeText });

/** A directory, or an event with several files. */
const groupView = v.strictObject({ v: v.literal(1), group: maybeText, count, jobs: v.array(jobViewSchema) });

export const jobOrGroupView = v.union([jobViewSchema, groupView]);

export const accountViewSchema = v.strictObject({
  name: text,
  host: text,
  state: v.picklist(["idle", "busy", "cooling-down", "captcha", "stopped", "paused"]),
  running: count,
  coolDownUntil: maybeTime,
  reason: maybeText,
  captchaUrl: maybeText,
});

export const accountsView = v.strictObject({ v: v.literal(1), accounts: v.array(accountViewSchema) });

export const healthView = v.strictObject({ status: v.picklist(["ok", "unavailable"]) });

export const hookNothing = v.union([
  v.strictObject({ test: v.literal("ok") }),
  v.strictObject({ skipped: text }),
  jobOrGroupView,
]);

export const problemView = v.strictObject({
  type: text,
  title: text,
  status: count,
  detail: text,
  code,
  retryable: v.boolean(),
  requestId: text,
  errors: v.optional(v.array(v.strictObject({ path: text, message: text }))),
});
