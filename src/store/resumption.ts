import type { JobStore, UploadRecord } from "../core/job-store.ts";
import type { StoreContext } from "./context.ts";
import { move } from "./moves.ts";
import { PAGE, pages } from "./pages.ts";
import { loadUpload } from "./queue.ts";
import { UPLOADS } from "./rows.ts";
import { findRun } from "./runs.ts";

/** What `resume` lists, takes and drops: never what another live process will still tell of. */
export function resumption(context: StoreContext) {
  const { sql, access, owner, owners } = context;
  return {
    async *resumable(): AsyncGenerator<UploadRecord> {
      const elsewhere = [...(await access.read(() => owners.living())).keys()].filter((id) => id !== owner.id);
      yield* pages(context, {
        where: `resumable = 1 AND job IS NULL AND opened = 1 AND
          (runs.owner_id IS NULL OR runs.owner_id NOT IN (SELECT value FROM json_each($elsewhere)))`,
        values: { elsewhere: JSON.stringify(elsewhere) },
        order: [],
      });
    },

    untold: () =>
      access.write((): readonly UploadRecord[] => {
        const rows = sql<{ seq: number }>(
          "UPDATE uploads SET reported = 1 WHERE state = 'unknown' AND reported = 0 AND job IS NULL RETURNING seq",
        ).all({});
        return rows
          .map(({ seq }) => seq)
          .sort((a, b) => a - b)
          .map((seq) => loadUpload(context, seq));
      }),

    async requeue(runId: string, ids: readonly string[]): Promise<readonly string[]> {
      const taken: string[] = [];
      // The run is not open yet: a crash between two pages puts all of them back.
      for (let at = 0; at < ids.length; at += PAGE) {
        const page = ids.slice(at, at + PAGE);
        taken.push(...(await access.write(() => requeue(context, runId, page))));
      }
      return taken;
    },

    drop: (id: string) =>
      access.write(() => {
        const row = findOpen(context, id);
        if (row === null || heldElsewhere(context)(row.run_owner_id)) return false;
        sql("DELETE FROM uploads WHERE seq = $seq").run({ seq: row.seq });
        return true;
      }),
  } satisfies Partial<JobStore>;
}

/** Tells whether a run's owner is another live process. */
function heldElsewhere({ owner, owners }: StoreContext): (runOwnerId: string | null) => boolean {
  const living = owners.living();
  return (runOwnerId) => runOwnerId !== null && runOwnerId !== owner.id && living.has(runOwnerId);
}

interface OpenRow {
  readonly seq: number;
  readonly destination_index: number;
  readonly origin_run: number;
  readonly origin_source_index: number;
  readonly run_owner_id: string | null;
}

/** An upload that was interrupted or did not succeed and belongs to no job; null for any other. */
function findOpen({ sql }: StoreContext, id: string): OpenRow | null {
  return sql<OpenRow>(
    `SELECT uploads.seq, destination_index, coalesce(origin_run, run) AS origin_run,
       coalesce(origin_source_index, source_index) AS origin_source_index, runs.owner_id AS run_owner_id
     FROM ${UPLOADS} WHERE uploads.id = $id AND state IN ('interrupted', 'failed', 'unknown') AND job IS NULL`,
  ).get({ id });
}

/** Destinations of one source stay together, in the order in which their sources are first named. */
function requeue(context: StoreContext, runId: string, ids: readonly string[]): readonly string[] {
  const { sql } = context;
  const run = findRun(context, runId);
  const held = heldElsewhere(context);
  const together = sql<{ source_index: number }>(
    `SELECT source_index FROM uploads
     WHERE origin_run = $originRun AND origin_source_index = $originSourceIndex AND run = $run LIMIT 1`,
  );
  const last = sql<{ at: number | null }>("SELECT max(source_index) AS at FROM uploads WHERE run = $run");
  let next = (last.get({ run: run.seq })?.at ?? -1) + 1;
  const taken: string[] = [];
  for (const id of ids) {
    const row = findOpen(context, id);
    if (row === null || held(row.run_owner_id)) continue;
    const origin = { originRun: row.origin_run, originSourceIndex: row.origin_source_index };
    const known = together.get({ run: run.seq, ...origin })?.source_index;
    const sourceIndex = known ?? next;
    if (known === undefined) next += 1;
    move(context, run, { seq: row.seq, sourceIndex, destinationIndex: row.destination_index, ...origin });
    taken.push(id);
  }
  return taken;
}
