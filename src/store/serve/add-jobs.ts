import * as v from "valibot";
import type {
  EarlierJobs,
  JobRecord,
  JobsAdded,
  JobUpload,
  NewJob,
  RequestKey,
  ServeStore,
  WaitReason,
} from "../../core/serve-store.ts";
import type { StoreContext } from "../context.ts";
import { damagedRow } from "../failure.ts";
import { sourceColumns } from "../rows.ts";
import { unendedJobs } from "./depth.ts";
import { REMEMBERED_MS } from "./messages.ts";
import { serverRun } from "./server-run.ts";
import { STATE } from "./states.ts";

export function addJobs(context: StoreContext) {
  const { access } = context;
  return {
    async earlierJobs(key: RequestKey) {
      const earlier = await access.read(() => findEarlier(context, key));
      // The first request may still be waiting for the disk: this one is not to be answered before it.
      if (earlier !== null) await access.lasting();
      return earlier;
    },

    addJobs: (runId: string, jobs: readonly NewJob[], key: RequestKey | null, limit: number) =>
      access.write((): JobsAdded => {
        const earlier = key === null ? null : findEarlier(context, key);
        if (earlier !== null) return earlier;
        const run = serverRun(context, runId);
        if (unendedJobs(context) + jobs.length > limit) return { kind: "full" };
        const added = jobs.map((job) => insert(context, { seq: run, id: runId }, job));
        if (key !== null) remember(context, key, jobs);
        return { kind: "added", jobs: added };
      }),
  } satisfies Partial<ServeStore>;
}

const jobIds = v.pipe(v.string(), v.parseJson(), v.array(v.string()));

function findEarlier(context: StoreContext, { scope, key, hash, request }: RequestKey): EarlierJobs | null {
  if (request != null && isAnother(rowOf(context, scope, request.key), request.hash)) return { kind: "conflict" };
  const row = rowOf(context, scope, key);
  if (row === null) return null;
  if (isAnother(row, hash)) return { kind: "conflict" };
  const ids = v.safeParse(jobIds, row.job_ids);
  if (!ids.success) throw damagedRow("an idempotency key", new Error("job_ids"));
  return { kind: "known", jobIds: ids.output };
}

interface KeyRow {
  readonly hash: string | null;
  readonly job_ids: string;
}

function rowOf({ sql, now }: StoreContext, scope: string, key: string): KeyRow | null {
  return sql<KeyRow>(
    "SELECT hash, job_ids FROM request_keys WHERE scope = $scope AND key = $key AND created_at > $since",
  ).get({ scope, key, since: now() - REMEMBERED_MS });
}

function isAnother(row: KeyRow | null, hash: string | null): boolean {
  return hash !== null && row !== null && row.hash !== null && row.hash !== hash;
}

/** In place of one that has expired. */
function remember({ sql, now }: StoreContext, { scope, request, ...own }: RequestKey, jobs: readonly NewJob[]): void {
  const insert = sql(
    `INSERT OR REPLACE INTO request_keys (scope, key, hash, job_ids, created_at)
     VALUES ($scope, $key, $hash, $jobIds, $now)`,
  );
  insert.run({ scope, ...own, jobIds: JSON.stringify(jobs.map(({ id }) => id)), now: now() });
  if (request != null) insert.run({ scope, ...request, jobIds: "[]", now: now() });
}

function insert(
  { sql, now }: StoreContext,
  run: { readonly seq: number; readonly id: string },
  job: NewJob,
): JobRecord {
  if (job.uploads.length === 0) throw new Error("a job without uploads");
  const createdAt = now();
  const rest = firstRest(job, createdAt);
  // OR FAIL: what throws here undoes the whole write anyway, and SQLite need not copy each page that the trigger touches.
  const { lastInsertRowid } = sql(
    `INSERT OR FAIL INTO jobs (id, state, group_id, hook, not_before, settle_ms, callback, after, resumable, created_at)
     VALUES ($id, $state, $group, $hook, $notBefore, $settleMs, $callback, $after, $resumable, $createdAt)`,
  ).run({
    id: job.id,
    state: rest.dueAt === null ? STATE.queued : STATE.waiting,
    group: job.group,
    hook: job.hook,
    notBefore: job.notBefore,
    settleMs: job.settleMs,
    callback: job.callback,
    after: JSON.stringify(job.after),
    resumable: job.resumable,
    createdAt,
  });
  const addUpload = sql(
    `INSERT INTO uploads (id, run, source_index, destination_index, source_path, source_size, source_mtime_ns,
       source_inode, source_spool, account, account_key, host, folder, name, labels, created_at, job, due_at,
       waiting_for)
     VALUES ($id, $run, $job, $destinationIndex, $path, $size, $mtimeNs, $inode, $spool, $account, $accountKey,
       $host, $folder, $name, $labels, $createdAt, $job, $dueAt, $waitingFor)`,
  );
  // Jobs are claimed in the order of their places, by which uploads of one job are also siblings.
  const place = Number(lastInsertRowid);
  const shared = {
    run: run.seq,
    job: place,
    ...sourceColumns(job.source),
    labels: JSON.stringify(job.labels),
    createdAt,
    ...rest,
  };
  const uploads = job.uploads.map(({ account, accountKey, host, folder, name }, destinationIndex): JobUpload => {
    const to = { id: Bun.randomUUIDv7(), destinationIndex, account, accountKey, host, folder, name };
    addUpload.run({ ...shared, ...to });
    const { source, labels } = job;
    return { ...UNTOUCHED, ...to, runId: run.id, sourceIndex: place, source, labels, createdAt, ...rest };
  });
  return { ...job, createdAt, uploads };
}

/** What the tables' defaults say of an upload that nobody has looked at yet. */
const UNTOUCHED = {
  state: "queued",
  phase: "new",
  checkpoint: null,
  fence: 0,
  attempts: 0,
  outcome: null,
  reported: false,
  startedAt: null,
  finishedAt: null,
  seconds: 0,
  rounds: 0,
  crashes: 0,
} as const satisfies Partial<JobUpload>;

interface Rest {
  readonly dueAt: number | null;
  readonly waitingFor: WaitReason | null;
}

/** A file that must stand still is looked at again only then; it may also have to wait longer than that. */
export function firstRest({ notBefore, settleMs }: Pick<NewJob, "notBefore" | "settleMs">, now: number): Rest {
  const settledAt = settleMs === null ? now : Math.ceil(now + settleMs);
  if (notBefore !== null && notBefore > settledAt) return { dueAt: notBefore, waitingFor: "notBefore" };
  return settledAt > now ? { dueAt: settledAt, waitingFor: "settle" } : { dueAt: null, waitingFor: null };
}
