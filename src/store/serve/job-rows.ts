import * as v from "valibot";
import type { JobRecord, JobUpload } from "../../core/serve-store.ts";
import type { Bindings } from "../connection.ts";
import type { StoreContext } from "../context.ts";
import { damagedRow } from "../failure.ts";
import { parseUpload, UPLOAD_COLUMNS, UPLOADS } from "../rows.ts";

const time = v.nullable(v.number());
const text = v.nullable(v.string());
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const jobSchema = v.object({
  seq: count,
  id: v.string(),
  group_id: text,
  hook: text,
  not_before: time,
  settle_ms: v.nullable(v.pipe(v.number(), v.finite(), v.minValue(0))),
  callback: text,
  after: v.pipe(
    v.string(),
    v.parseJson(),
    v.variant("do", [
      v.object({ do: v.picklist(["keep", "delete"]) }),
      v.object({ do: v.literal("move"), directory: v.string() }),
    ]),
  ),
  resumable: v.picklist(["auto", "always", "never"]),
  created_at: v.number(),
});

const waitSchema = v.object({
  job: count,
  due_at: time,
  waiting_for: v.nullable(v.picklist(["cool-down", "captcha", "notBefore", "settle", "account", "retry"])),
  rounds: count,
  crashes: count,
});

/** The jobs of these places, in this order; those that are gone are left out. Fails with `state` on damaged rows. */
export function loadJobs(context: StoreContext, seqs: readonly number[]): readonly JobRecord[] {
  const { sql } = context;
  const wanted = { seqs: JSON.stringify(seqs) };
  const uploads = new Map<number, JobUpload[]>();
  const rows = sql<Bindings>(
    `SELECT ${UPLOAD_COLUMNS} FROM ${UPLOADS}
     WHERE job IN (SELECT value FROM json_each($seqs)) ORDER BY job, destination_index`,
  ).all(wanted);
  for (const row of rows) {
    const { job, upload } = parseJobUpload(row, context.now());
    uploads.getOrInsertComputed(job, () => []).push(upload);
  }
  const jobs = new Map<number, JobRecord>();
  for (const row of sql("SELECT * FROM jobs WHERE seq IN (SELECT value FROM json_each($seqs))").all(wanted)) {
    const { seq, ...job } = parse(jobSchema, row);
    jobs.set(seq, jobOf(job, uploads.get(seq) ?? []));
  }
  return seqs.flatMap((seq) => jobs.get(seq) ?? []);
}

function jobOf(row: Omit<v.InferOutput<typeof jobSchema>, "seq">, uploads: readonly JobUpload[]): JobRecord {
  const [first] = uploads;
  if (first === undefined) throw damagedRow("a job", new Error("no uploads"));
  return {
    id: row.id,
    source: first.source,
    labels: first.labels,
    group: row.group_id,
    hook: row.hook,
    notBefore: row.not_before,
    settleMs: row.settle_ms,
    callback: row.callback,
    after: row.after.do === "move" ? row.after : { do: row.after.do },
    resumable: row.resumable,
    createdAt: row.created_at,
    uploads,
  };
}

/** A rest that is over is none, whether or not a claim has noticed. */
function parseJobUpload(row: unknown, now: number): { readonly job: number; readonly upload: JobUpload } {
  const wait = parse(waitSchema, row);
  const over = wait.due_at !== null && wait.due_at <= now;
  return {
    job: wait.job,
    upload: {
      ...parseUpload(row),
      dueAt: over ? null : wait.due_at,
      waitingFor: over ? null : wait.waiting_for,
      rounds: wait.rounds,
      crashes: wait.crashes,
    },
  };
}

function parse<const Schema extends v.GenericSchema>(schema: Schema, row: unknown): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, row, { abortEarly: true });
  if (!parsed.success) throw damagedRow("a job", new Error(v.getDotPath(parsed.issues[0]) ?? "not a row"));
  return parsed.output;
}
