import type { SourceStamp, UploadRecord } from "../../core/job-store.ts";
import type { ServeStore } from "../../core/serve-store.ts";
import type { ErrorView } from "../../errors.ts";
import type { StoreContext } from "../context.ts";
import { PAGE } from "../pages.ts";
import { loadUpload, writeOwned } from "../queue.ts";
import { firstRest } from "./add-jobs.ts";
import { REMEMBERED_MS } from "./messages.ts";
import { serverRun } from "./server-run.ts";
import { FIRST_ENDED } from "./states.ts";

/** Cancelling, trying again, forgetting. */
export function jobEnds(context: StoreContext) {
  const { sql, access, now } = context;
  const own = writeOwned(context);
  return {
    cancelJob: (id: string, error: ErrorView) =>
      access.write((): readonly UploadRecord[] => {
        const job = seqOf(context, id);
        const outcome = JSON.stringify({ ok: false, error });
        sql(
          `UPDATE uploads SET state = 'cancelled', outcome = $outcome, resumable = 0, reported = 1, finished_at = $now,
             due_at = NULL, waiting_for = NULL
           WHERE job = $job AND state IN ('queued', 'interrupted')`,
        ).run({ job, outcome, now: now() });
        // Should its process die before it has stopped, it is not taken up again.
        sql("UPDATE uploads SET outcome = $outcome WHERE job = $job AND state = 'running'").run({ job, outcome });
        const running = sql<{ seq: number }>(
          "SELECT seq FROM uploads WHERE job = $job AND state = 'running' ORDER BY destination_index",
        ).all({ job });
        return running.map(({ seq }) => loadUpload(context, seq));
      }),

    finishCancelled: (id: string, fence: number, error: ErrorView, seconds: number) =>
      own(
        id,
        fence,
        `state = 'cancelled', outcome = $outcome, resumable = 0, reported = 1, finished_at = $now, seconds = $seconds,
         owner_id = NULL`,
        { outcome: JSON.stringify({ ok: false, error }), now: now(), seconds },
      ),

    retryJob: (runId: string, id: string, file?: SourceStamp) =>
      access.write(() => {
        const run = serverRun(context, runId);
        const job = seqOf(context, id);
        if (file !== undefined) takeFile(context, job, file);
        const waits = sql<{ notBefore: number | null; settleMs: number | null }>(
          "SELECT not_before AS notBefore, settle_ms AS settleMs FROM jobs WHERE seq = $job",
        ).get({ job });
        const rest = waits === null ? { dueAt: null, waitingFor: null } : firstRest(waits, now());
        const { changes } = sql(
          `UPDATE uploads SET run = $run, state = 'queued', outcome = NULL, resumable = 0, reported = 0,
             finished_at = NULL, rounds = 0, crashes = 0, due_at = $dueAt, waiting_for = $waitingFor,
             phase = CASE
               WHEN phase IN ('preparing', 'sending', 'finishing') AND checkpoint IS NULL THEN 'new'
               WHEN phase = 'finishing' THEN 'preparing'
               ELSE phase
             END
           WHERE job = $job AND ${OPEN}`,
        ).run({ run, job, ...rest });
        return changes > 0;
      }),

    removeJob: (id: string) =>
      access.write(() => {
        const { changes } = sql(`DELETE FROM jobs WHERE id = $id AND state >= ${FIRST_ENDED}`).run({ id });
        return changes > 0;
      }),

    spoolsInUse: (paths: readonly string[]) =>
      access.read((): ReadonlySet<string> => {
        const rows = sql<{ spool: string }>(
          `SELECT DISTINCT source_spool AS spool FROM uploads
           WHERE source_spool IN (SELECT value FROM json_each($paths)) AND state <> 'done'
             AND (job IS NULL OR job IN (SELECT seq FROM jobs))`,
        ).all({ paths: JSON.stringify(paths) });
        return new Set(rows.map(({ spool }) => spool));
      }),

    async forget(endedBefore: number): Promise<readonly string[]> {
      const spools: string[] = [];
      for (;;) {
        const page = await access.write(() => forgetPage(context, endedBefore));
        spools.push(...page.spools);
        if (page.full) continue;
        await access.write(() => forgetExpired(context));
        return spools;
      }
    },
  } satisfies Partial<ServeStore>;
}

/** Uploads that a retry takes up. */
const OPEN = "state IN ('failed', 'cancelled', 'unknown')";

/** A commit that was asked for concerns the old content alone. */
function takeFile({ sql }: StoreContext, job: number | null, { size, mtimeNs, inode }: SourceStamp): void {
  const same = `(source_size IS $size AND source_mtime_ns IS $mtimeNs
    AND substr(source_inode, instr(source_inode, ':')) IS substr($inode, instr($inode, ':')))`;
  sql(
    `UPDATE uploads SET source_size = $size, source_mtime_ns = $mtimeNs, source_inode = $inode,
       phase = CASE WHEN ${same} THEN phase ELSE 'new' END, checkpoint = CASE WHEN ${same} THEN checkpoint END
     WHERE job = $job AND ${OPEN} AND phase NOT IN ('committing', 'committed')`,
  ).run({ job, size, mtimeNs, inode });
}

/** Null is the place of no job. */
function seqOf({ sql }: StoreContext, id: string): number | null {
  return sql<{ seq: number }>("SELECT seq FROM jobs WHERE id = $id").get({ id })?.seq ?? null;
}

interface Forgotten {
  readonly spools: readonly string[];
  readonly full: boolean;
}

function forgetPage({ sql }: StoreContext, endedBefore: number): Forgotten {
  const gone = sql<{ seq: number }>(
    `DELETE FROM jobs WHERE seq IN (SELECT seq FROM jobs WHERE ended_at < $endedBefore ORDER BY ended_at LIMIT ${PAGE})
     RETURNING seq`,
  ).all({ endedBefore });
  const spools = sql<{ spool: string }>(
    `SELECT DISTINCT source_spool AS spool FROM uploads
     WHERE job IN (SELECT value FROM json_each($jobs)) AND source_spool IS NOT NULL`,
  ).all({ jobs: JSON.stringify(gone.map(({ seq }) => seq)) });
  return { spools: spools.map(({ spool }) => spool), full: gone.length === PAGE };
}

function forgetExpired({ sql, now }: StoreContext): void {
  const since = now() - REMEMBERED_MS;
  sql("DELETE FROM request_keys WHERE created_at <= $since").run({ since });
  sql("DELETE FROM messages WHERE created_at <= $since").run({ since });
}
