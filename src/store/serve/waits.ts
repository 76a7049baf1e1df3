import type { ServeStore, WaitReason } from "../../core/serve-store.ts";
import type { ErrorView } from "../../errors.ts";
import type { StoreContext } from "../context.ts";
import { writeOwned } from "../queue.ts";

/** Uploads of jobs that rest. */
export function waits(context: StoreContext) {
  const { sql, access } = context;
  const own = writeOwned(context);
  return {
    postpone: (id: string, fence: number, dueAt: number, why: WaitReason, error: ErrorView | null, seconds?: number) =>
      own(
        id,
        fence,
        // The host does not have the body that it was about to answer for.
        `state = 'queued', owner_id = NULL, due_at = $dueAt, waiting_for = $why, outcome = $outcome,
         phase = CASE phase WHEN 'finishing' THEN 'preparing' ELSE phase END,
         rounds = rounds + $round, seconds = coalesce($seconds, seconds)`,
        {
          dueAt: Math.ceil(dueAt),
          why,
          outcome: error === null ? null : JSON.stringify({ ok: false, error }),
          round: why === "retry" ? 1 : 0,
          seconds: seconds ?? null,
        },
      ),

    stoodStill: (id: string) =>
      access.writeSoon(() => {
        sql("UPDATE jobs SET settle_ms = NULL WHERE seq = (SELECT job FROM uploads WHERE id = $id)").run({ id });
        sql(
          `UPDATE uploads SET source_size = still.source_size, source_mtime_ns = still.source_mtime_ns,
             source_inode = still.source_inode
           FROM (SELECT * FROM uploads WHERE id = $id) AS still
           WHERE uploads.job = still.job AND uploads.state IN ('queued', 'interrupted')`,
        ).run({ id });
      }),

    rest: (id: string, dueAt: number | null, why: WaitReason | null) =>
      access.write(() => {
        sql(
          `UPDATE uploads SET due_at = $dueAt, waiting_for = $why
           WHERE id = $id AND state = 'queued' AND job IS NOT NULL`,
        ).run({ id, dueAt: dueAt === null ? null : Math.ceil(dueAt), why });
      }),

    accountNameOf: (runId: string, accountKey: string) =>
      access.read(() => {
        const upload = sql<{ account: string }>(
          `SELECT account FROM uploads
           WHERE run = (SELECT seq FROM runs WHERE id = $runId) AND state = 'queued' AND due_at IS NULL
             AND account_key = $accountKey LIMIT 1`,
        ).get({ runId, accountKey });
        return upload?.account ?? null;
      }),

    nextDue: (runId: string) =>
      access.read(() => {
        const next = sql<{ due_at: number }>(
          `SELECT due_at FROM uploads
           WHERE state = 'queued' AND due_at IS NOT NULL AND +run = (SELECT seq FROM runs WHERE id = $runId)
           ORDER BY due_at LIMIT 1`,
        ).get({ runId });
        return next?.due_at ?? null;
      }),
  } satisfies Partial<ServeStore>;
}
