import type { JobStore, Outcome, SourceRecord, UploadRecord } from "../core/job-store.ts";
import { AppError, type ErrorView } from "../errors.ts";
import type { Phase } from "../hosts/phase.ts";
import type { Json } from "../json.ts";
import type { Bindings } from "./connection.ts";
import type { StoreContext } from "./context.ts";
import { wakeAllDue, wakeDue } from "./due.ts";
import { PAGE } from "./pages.ts";
import { outcomeColumns, parseUpload, sourceColumns, UPLOAD_COLUMNS, UPLOADS } from "./rows.ts";
import { findRun } from "./runs.ts";

/** Phases that promise something to a later start; the others only show how far it is. */
const PROMISES: ReadonlySet<Phase> = new Set(["sending", "finishing", "stored", "committing", "committed"]);

/** From queued to ended: claims, and what only the owner of an upload may write. */
export function queue(context: StoreContext) {
  const { sql, access, owner, now } = context;
  const own = writeOwned(context);

  return {
    claim: (runId: string, busyAccounts: ReadonlySet<string>, only?: string) =>
      access.writeSoon(() => {
        wakeDue(context);
        const next = findNext(context, findRun(context, runId).seq, busyAccounts, only);
        if (next === null) return null;
        sql(
          `UPDATE uploads SET state = 'running', owner_id = $owner, fence = fence + 1,
             started_at = coalesce(started_at, $now), outcome = NULL, waiting_for = NULL
           WHERE seq = $seq`,
        ).run({ seq: next, owner: owner.id, now: now() });
        return loadUpload(context, next);
      }),

    async queued(runId: string, atMost?: number) {
      await wakeAllDue(context);
      return access.read(() => {
        const rows = sql<{ key: string; n: number }>(
          `WITH RECURSIVE
             run AS (SELECT seq FROM runs WHERE id = $runId),
             waiting AS (SELECT * FROM uploads WHERE run = (SELECT seq FROM run) AND state = 'queued' AND due_at IS NULL),
             keys (key) AS (
               SELECT min(account_key) FROM waiting
               UNION ALL
               SELECT (SELECT min(account_key) FROM waiting WHERE account_key > key) FROM keys WHERE key IS NOT NULL
             )
           SELECT key, (SELECT count(*) FROM (SELECT 1 FROM waiting WHERE account_key = key LIMIT $atMost)) AS n
           FROM keys WHERE key IS NOT NULL`,
        ).all({ runId, atMost: atMost ?? -1 });
        return new Map(rows.map(({ key, n }) => [key, n]));
      });
    },

    savePhase(id: string, fence: number, phase: Phase, checkpoint?: Json | null) {
      const durable = PROMISES.has(phase);
      if (checkpoint === undefined) return own(id, fence, "phase = $phase", { phase }, durable);
      const json = checkpoint === null ? null : JSON.stringify(checkpoint);
      return own(id, fence, "phase = $phase, checkpoint = $checkpoint", { phase, checkpoint: json }, durable);
    },

    saveSource: (id: string, fence: number, source: SourceRecord) =>
      own(
        id,
        fence,
        `source_path = $path, source_size = $size, source_mtime_ns = $mtimeNs, source_inode = $inode,
         source_spool = $spool`,
        sourceColumns(source),
      ),

    startAttempt: (id: string, fence: number) => own(id, fence, "attempts = attempts + 1", {}, false),

    finish: (id: string, fence: number, outcome: Outcome, seconds: number) =>
      own(
        id,
        fence,
        `state = $state, outcome = $outcome, resumable = $resumable, skipped = $skipped, md5 = $md5, reported = 1,
         finished_at = $now, seconds = $seconds, owner_id = NULL,
         checkpoint = CASE $state WHEN 'done' THEN NULL ELSE checkpoint END`,
        { ...outcomeColumns(outcome), now: now(), seconds },
      ),

    interrupt: (id: string, fence: number, error: ErrorView | null, seconds: number) =>
      own(
        id,
        fence,
        "state = 'interrupted', outcome = $outcome, resumable = 1, reported = 1, seconds = $seconds, owner_id = NULL",
        { outcome: error === null ? null : JSON.stringify({ ok: false, error }), seconds },
      ),

    async *endQueued(
      runId: string,
      accountKey: string | null,
      state: "interrupted" | "failed",
      error: ErrorView,
    ): AsyncGenerator<UploadRecord> {
      let after = { sourceIndex: -1, destinationIndex: -1 };
      for (;;) {
        const page = await access.write(() => endPage(context, runId, accountKey, after, state, error));
        yield* page;
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) return;
        after = last;
      }
    },
  } satisfies Partial<JobStore>;
}

/** Changes an upload that is still ours under that fence; fails with `state` when it is not. */
export function writeOwned({ sql, access, owner }: StoreContext) {
  return (id: string, fence: number, change: string, values: Bindings, durable = true): Promise<void> => {
    const write = durable ? access.write : access.writeSoon;
    return write(() => {
      const { changes } = sql(
        `UPDATE uploads SET ${change} WHERE id = $id AND fence = $fence AND owner_id = $owner AND state = 'running'`,
      ).run({ ...values, id, fence, owner: owner.id });
      if (changes === 0) throw new AppError("state", "another process has taken this upload over");
    });
  };
}

/**
 * The first queued upload by source, then destination, of an account that is not busy. It looks at the head of each
 * account's queue: a long queue of a busy account in front costs nothing.
 */
function findNext(
  { sql }: StoreContext,
  run: number,
  busyAccounts: ReadonlySet<string>,
  only: string | undefined,
): number | null {
  const nextAccount = sql<{ key: string | null }>(
    "SELECT min(account_key) AS key FROM uploads WHERE run = $run AND state = 'queued' AND due_at IS NULL AND account_key > $after",
  );
  const head = sql<{ seq: number; source_index: number; destination_index: number }>(
    `SELECT seq, source_index, destination_index FROM uploads
     WHERE run = $run AND state = 'queued' AND due_at IS NULL AND account_key = $key
     ORDER BY source_index, destination_index LIMIT 1`,
  );
  if (only !== undefined) return head.get({ run, key: only })?.seq ?? null;
  let first: ReturnType<typeof head.get> = null;
  for (let key = nextAccount.get({ run, after: "" })?.key; key != null; ) {
    const candidate = busyAccounts.has(key) ? null : head.get({ run, key });
    const order =
      candidate === null || first === null
        ? 0
        : candidate.source_index - first.source_index || candidate.destination_index - first.destination_index;
    if (candidate !== null && (first === null || order < 0)) first = candidate;
    key = nextAccount.get({ run, after: key })?.key;
  }
  return first?.seq ?? null;
}

type Order = Pick<UploadRecord, "sourceIndex" | "destinationIndex">;

/** Ends the first queued uploads after a place in the run. */
function endPage(
  context: StoreContext,
  runId: string,
  accountKey: string | null,
  { sourceIndex, destinationIndex }: Order,
  state: "interrupted" | "failed",
  error: ErrorView,
): readonly UploadRecord[] {
  const { sql, now } = context;
  const queued = sql<{ seq: number }>(
    `SELECT seq FROM uploads INDEXED BY uploads_in_order
     WHERE run = $run AND (source_index, destination_index) >= ($sourceIndex, $destinationIndex) AND state = 'queued'
       AND ($accountKey IS NULL OR account_key = $accountKey)
     ORDER BY source_index, destination_index LIMIT ${PAGE}`,
  ).all({ run: findRun(context, runId).seq, sourceIndex, destinationIndex, accountKey });
  const seqs = JSON.stringify(queued.map(({ seq }) => seq));
  sql(
    `UPDATE uploads SET state = $state, outcome = $outcome, resumable = $resumable, reported = 1,
       finished_at = $finishedAt
     WHERE seq IN (SELECT value FROM json_each($seqs))`,
  ).run({
    seqs,
    state,
    outcome: JSON.stringify({ ok: false, error }),
    resumable: state === "interrupted" || error.retryable ? 1 : 0,
    finishedAt: state === "failed" ? now() : null,
  });
  return sql(
    `SELECT ${UPLOAD_COLUMNS} FROM ${UPLOADS} WHERE uploads.seq IN (SELECT value FROM json_each($seqs))
     ORDER BY source_index, destination_index`,
  )
    .all({ seqs })
    .map(parseUpload);
}

export function loadUpload({ sql }: StoreContext, seq: number): UploadRecord {
  return parseUpload(sql(`SELECT ${UPLOAD_COLUMNS} FROM ${UPLOADS} WHERE uploads.seq = $seq`).get({ seq }));
}
