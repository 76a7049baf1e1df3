import type { JobStore } from "../core/job-store.ts";
import { AppError, errorView } from "../errors.ts";
import type { Json } from "../json.ts";
import type { StoreContext } from "./context.ts";
import { parseOptions } from "./rows.ts";

export interface RunRow {
  readonly seq: number;
  readonly opened: number;
}

/** Fails with `state` when the run is gone: others took this process for dead while it planned. Inside a write. */
export function findRun({ sql }: StoreContext, runId: string): RunRow {
  const run = sql<RunRow>("SELECT seq, opened FROM runs WHERE id = $runId").get({ runId });
  if (run !== null) return run;
  throw new AppError("state", "the record of this run is gone: another hoist took this process for dead", {
    hint: "run this again",
  });
}

export function runs(context: StoreContext) {
  const { sql, access, owner, now } = context;
  return {
    // Nothing of a run counts before it is opened.
    createRun: (options: Json) =>
      access.writeSoon(() => {
        const id = Bun.randomUUIDv7();
        sql("INSERT INTO runs (id, owner_id, options, created_at) VALUES ($id, $owner, $options, $now)").run({
          id,
          owner: owner.id,
          options: JSON.stringify(options),
          now: now(),
        });
        return id;
      }),

    openRun: (runId: string) =>
      access.write(() => {
        const run = findRun(context, runId).seq;
        sql("UPDATE runs SET opened = 1 WHERE seq = $run").run({ run });
        sql("DELETE FROM moves WHERE to_run = $run").run({ run });
      }),

    dropRun: (runId: string) =>
      access.write(() => {
        const run = sql<RunRow>("SELECT seq, opened FROM runs WHERE id = $runId").get({ runId });
        if (run !== null && run.opened === 0) forget(context, run.seq);
      }),

    runOptions: (runId: string) =>
      access.read(() => {
        const row = sql<{ options: string }>("SELECT options FROM runs WHERE id = $runId").get({ runId });
        return row === null ? null : parseOptions(row.options);
      }),
  } satisfies Partial<JobStore>;
}

/** Undoes a run that was never opened: what it took goes back to where it was. */
function forget({ sql }: StoreContext, run: number): void {
  sql(
    `UPDATE uploads SET
       run = moves.run, source_index = moves.source_index, destination_index = moves.destination_index,
       origin_run = moves.origin_run, origin_source_index = moves.origin_source_index,
       account = moves.account, labels = moves.labels, state = moves.state, outcome = moves.outcome,
       reported = moves.reported, finished_at = moves.finished_at, resumable = moves.resumable
     FROM moves WHERE moves.upload = uploads.seq AND moves.to_run = $run`,
  ).run({ run });
  sql("DELETE FROM moves WHERE to_run = $run").run({ run });
  sql("DELETE FROM uploads WHERE run = $run").run({ run });
  sql("DELETE FROM runs WHERE seq = $run").run({ run });
}

interface DeadUpload {
  readonly seq: number;
  readonly id: string;
  readonly host: string;
  readonly phase: string;
}

/**
 * Deals with what dead owners left, but for uploads of jobs, which wait for the next server. Inside a write, after the
 * dead were forgotten. Uploads of a host that is not in `committingHosts` are unknown when their owner died in
 * `finishing`: the host may have them.
 */
export function settleDead(context: StoreContext, committingHosts: ReadonlySet<string>): void {
  const { sql, now } = context;
  // A new fence stops a writer that only seemed dead.
  const interrupt = sql(
    `UPDATE uploads SET state = 'interrupted', owner_id = NULL, fence = fence + 1, resumable = 1 WHERE seq = $seq`,
  );
  const lose = sql(
    `UPDATE uploads SET state = 'unknown', owner_id = NULL, fence = fence + 1, outcome = $outcome, reported = 0,
       finished_at = $now WHERE seq = $seq`,
  );
  const running = sql<DeadUpload>(
    `SELECT seq, id, host, phase FROM uploads
     WHERE state = 'running' AND job IS NULL AND owner_id NOT IN (SELECT id FROM owners)`,
  ).all({});
  for (const upload of running) {
    if (upload.phase !== "finishing" || committingHosts.has(upload.host)) interrupt.run({ seq: upload.seq });
    else lose.run({ seq: upload.seq, now: now(), outcome: JSON.stringify(unknownOutcome(upload)) });
  }
  const left = sql<RunRow>(
    "SELECT seq, opened FROM runs WHERE owner_id IS NOT NULL AND owner_id NOT IN (SELECT id FROM owners)",
  ).all({});
  for (const { seq: run, opened } of left) {
    if (opened === 0) forget(context, run);
    sql(
      `UPDATE uploads SET state = 'interrupted', resumable = 1 WHERE run = $run AND state = 'queued' AND job IS NULL`,
    ).run({ run });
    sql("UPDATE runs SET owner_id = NULL WHERE seq = $run").run({ run });
  }
}

function unknownOutcome({ id }: DeadUpload) {
  const error = new AppError("outcome_unknown", "hoist ended before the answer came: the file may be up", {
    hint: `look at your account; send it again with: hoist resume ${id} --retry-unknown`,
  });
  return { ok: false, error: errorView(error) };
}
