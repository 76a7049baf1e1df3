import * as v from "valibot";
import { UPLOAD_STATES } from "../core/job.ts";
import type { Outcome, SourceRecord, UploadRecord } from "../core/job-store.ts";
import { ERROR_CLASSES, type ErrorCode } from "../errors.ts";
import { PHASES } from "../hosts/phase.ts";
import type { Json } from "../json.ts";
import { damagedRow } from "./failure.ts";

/** Columns of an upload as `parseUpload` expects them, from `uploads JOIN runs ON runs.seq = uploads.run`. */
export const UPLOAD_COLUMNS = `uploads.*, runs.id AS run_id`;
export const UPLOADS = "uploads JOIN runs ON runs.seq = uploads.run";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = v.nullable(v.string());
const json = v.pipe(v.string(), v.parseJson());

const errorSchema = v.object({
  code: v.picklist(Object.keys(ERROR_CLASSES) as ErrorCode[]),
  exit: v.number(),
  message: v.string(),
  hint: text,
  hostMessage: text,
  retryable: v.boolean(),
  url: text,
});

const outcomeSchema = v.variant("ok", [
  v.object({
    ok: v.literal(true),
    url: text,
    remoteId: text,
    size: count,
    md5: text,
    verified: v.nullable(v.picklist(["md5", "size"])),
    skipped: v.boolean(),
    skipReason: v.nullable(v.picklist(["ledger", "host", "running"])),
  }),
  v.object({ ok: v.literal(false), error: errorSchema }),
]);

const rowSchema = v.object({
  id: v.string(),
  run_id: v.string(),
  source_index: count,
  destination_index: count,
  source_path: v.string(),
  source_size: v.nullable(count),
  source_mtime_ns: v.nullable(v.pipe(v.string(), v.regex(/^-?\d+$/))),
  source_inode: v.nullable(v.pipe(v.string(), v.regex(/^\d+:\d+$/))),
  source_spool: text,
  account: v.string(),
  account_key: v.string(),
  host: v.string(),
  folder: text,
  name: v.string(),
  labels: v.pipe(json, v.record(v.string(), v.string())),
  state: v.picklist(UPLOAD_STATES),
  phase: v.picklist(PHASES),
  checkpoint: v.nullable(json),
  fence: count,
  attempts: count,
  outcome: v.nullable(v.pipe(json, outcomeSchema)),
  reported: v.number(),
  created_at: v.number(),
  started_at: v.nullable(v.number()),
  finished_at: v.nullable(v.number()),
  seconds: v.number(),
});

/** Fails with `state` for a row that somebody else has written. */
export function parseUpload(row: unknown): UploadRecord {
  const parsed = v.safeParse(rowSchema, row, { abortEarly: true });
  if (!parsed.success) throw damagedRow("an upload", new Error(v.getDotPath(parsed.issues[0]) ?? "not a row"));
  const it = parsed.output;
  return {
    id: it.id,
    runId: it.run_id,
    sourceIndex: it.source_index,
    destinationIndex: it.destination_index,
    source: {
      path: it.source_path,
      size: it.source_size,
      mtimeNs: it.source_mtime_ns,
      inode: it.source_inode,
      spool: it.source_spool,
    },
    account: it.account,
    accountKey: it.account_key,
    host: it.host,
    folder: it.folder,
    name: it.name,
    labels: it.labels,
    state: it.state,
    phase: it.phase,
    checkpoint: it.checkpoint as Json | null,
    fence: it.fence,
    attempts: it.attempts,
    outcome: it.outcome,
    reported: it.reported === 1,
    createdAt: it.created_at,
    startedAt: it.started_at,
    finishedAt: it.finished_at,
    seconds: it.seconds,
  };
}

/** Options of a run. Fails with `state` when they are no JSON. */
export function parseOptions(options: string): Json {
  const parsed = v.safeParse(json, options);
  if (!parsed.success) throw damagedRow("a run", new Error("options"));
  return parsed.output as Json;
}

export function sourceColumns(source: SourceRecord) {
  return { path: source.path, size: source.size, mtimeNs: source.mtimeNs, inode: source.inode, spool: source.spool };
}

/** The columns that follow from how an upload ended. */
export function outcomeColumns(outcome: Outcome) {
  return {
    state: endState(outcome),
    outcome: JSON.stringify(outcome),
    resumable: !outcome.ok && outcome.error.retryable ? 1 : 0,
    skipped: outcome.ok && outcome.skipped ? 1 : 0,
    md5: outcome.ok && !outcome.skipped ? outcome.md5 : null,
  };
}

function endState(outcome: Outcome) {
  if (outcome.ok) return "done";
  if (outcome.error.code === "outcome_unknown") return "unknown";
  return outcome.error.code === "cancelled" ? "cancelled" : "failed";
}
