import type { Added, NewUpload, OwnerInfo } from "../core/job-store.ts";
import type { StoreContext } from "./context.ts";
import { move, remember } from "./moves.ts";
import { outcomeColumns, sourceColumns } from "./rows.ts";
import { findRun, type RunRow } from "./runs.ts";

interface Candidate {
  readonly seq: number;
  readonly id: string;
  readonly run: number;
  readonly state: string;
  readonly phase: string;
  readonly source_size: number | null;
  readonly source_mtime_ns: string | null;
  readonly reported: number;
  readonly resumable: number;
  readonly owner_id: string | null;
  readonly run_owner_id: string | null;
  readonly job: number | null;
}

/** Records uploads of a run that is being planned. Inside a write, after the dead were settled. */
export function addUploads(
  context: StoreContext,
  runId: string,
  uploads: readonly NewUpload[],
  living: ReadonlyMap<string, OwnerInfo>,
): readonly Added[] {
  const run = findRun(context, runId);
  return uploads.map((upload): Added => {
    if (upload.outcome !== undefined || upload.source.path === "-") return insert(context, run, upload);
    const candidates = sameUpload(context, upload);
    return (
      findRunning(context, candidates, living) ??
      goOn(context, run, upload, candidates, living) ??
      insert(context, run, upload)
    );
  });
}

/** Uploads of the same file to the same place that are not done, newest first. */
function sameUpload({ sql }: StoreContext, { source, accountKey, folder, name }: NewUpload): readonly Candidate[] {
  return sql<Candidate>(
    `SELECT uploads.seq, uploads.id, uploads.run, uploads.state, uploads.phase, uploads.source_size, uploads.source_mtime_ns,
       uploads.reported, uploads.resumable, uploads.owner_id, runs.owner_id AS run_owner_id, uploads.job
     FROM uploads JOIN runs ON runs.seq = uploads.run
     WHERE uploads.state <> 'done' AND source_path = $path AND account_key = $accountKey AND folder IS $folder
       AND name = $name
     ORDER BY uploads.seq DESC`,
  ).all({ path: source.path, accountKey, folder, name });
}

function findRunning(
  { owner }: StoreContext,
  candidates: readonly Candidate[],
  living: ReadonlyMap<string, OwnerInfo>,
): Added | null {
  for (const { state, owner_id, run_owner_id } of candidates) {
    if (state !== "queued" && state !== "running") continue;
    const other = living.get((state === "queued" ? run_owner_id : owner_id) ?? "");
    if (other !== undefined && other.id !== owner.id) return { kind: "running_elsewhere", owner: other };
  }
  return null;
}

/**
 * An earlier upload that nobody else holds: told if it is of the very same bytes and its end is unknown, else taken up.
 * One of a file that has changed since keeps the old identity, by which its start notices the change; but a commit that
 * was asked for concerns the old content alone, and is left to `resume`.
 */
function goOn(
  context: StoreContext,
  run: RunRow,
  { source, sourceIndex, destinationIndex, account, labels }: NewUpload,
  candidates: readonly Candidate[],
  living: ReadonlyMap<string, OwnerInfo>,
): Added | null {
  const { sql, owner } = context;
  const free = candidates.filter(
    (it) =>
      it.run !== run.seq && it.job === null && (it.run_owner_id === owner.id || !living.has(it.run_owner_id ?? "")),
  );
  const isSame = (it: Candidate) => it.source_size === source.size && it.source_mtime_ns === source.mtimeNs;
  const untold = free.find((it) => isSame(it) && it.state === "unknown" && it.reported === 0);
  if (untold !== undefined) {
    remember(context, run, untold.seq);
    sql("UPDATE uploads SET reported = 1 WHERE seq = $seq").run({ seq: untold.seq });
    return { kind: "unknown", id: untold.id };
  }
  const resumable = free.filter((it) => it.resumable === 1);
  const open = resumable.find(isSame) ?? resumable.find(({ phase }) => phase !== "committing" && phase !== "committed");
  if (open === undefined) return null;
  move(context, run, { seq: open.seq, sourceIndex, destinationIndex, originRun: null, originSourceIndex: null });
  sql(
    `UPDATE uploads SET account = $account, labels = $labels, source_inode = coalesce($inode, source_inode)
     WHERE seq = $seq`,
  ).run({ seq: open.seq, account, labels: JSON.stringify(labels), inode: isSame(open) ? source.inode : null });
  return { kind: "adopted", id: open.id };
}

function insert({ sql, now }: StoreContext, run: RunRow, upload: NewUpload): Added {
  const id = Bun.randomUUIDv7();
  const createdAt = now();
  const end =
    upload.outcome === undefined
      ? { state: "queued", outcome: null, resumable: 0, skipped: 0, md5: null, reported: 0, finishedAt: null }
      : { ...outcomeColumns(upload.outcome), reported: 1, finishedAt: createdAt };
  sql(
    `INSERT INTO uploads (id, run, source_index, destination_index, source_path, source_size, source_mtime_ns,
       source_inode, source_spool, account, account_key, host, folder, name, labels, state, outcome, resumable,
       skipped, md5, reported, created_at, finished_at)
     VALUES ($id, $run, $sourceIndex, $destinationIndex, $path, $size, $mtimeNs, $inode, $spool, $account,
       $accountKey, $host, $folder, $name, $labels, $state, $outcome, $resumable, $skipped, $md5, $reported,
       $createdAt, $finishedAt)`,
  ).run({
    id,
    run: run.seq,
    sourceIndex: upload.sourceIndex,
    destinationIndex: upload.destinationIndex,
    ...sourceColumns(upload.source),
    account: upload.account,
    accountKey: upload.accountKey,
    host: upload.host,
    folder: upload.folder,
    name: upload.name,
    labels: JSON.stringify(upload.labels),
    createdAt,
    ...end,
  });
  return { kind: "new", id };
}
