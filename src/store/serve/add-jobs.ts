import * as v from "valibot";
import type { EarlierJobs, JobsAdded, NewJob, RequestKey, ServeStore, WaitReason } from "../../core/serve-store.ts";
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
    earlierJobs: (key: RequestKey) => access.read(() => findEarlier(context, key)),

    addJobs: (runId: string, jobs: readonly NewJob[], key: RequestKey | null, limit: number) =>
      access.write((): JobsAdded => {
        const earlier = key === null ? null : findEarlier(context, key);
        if (earlier !== null) return earlier;
        const run = serverRun(context, runId);
        if (unendedJobs(context) + jobs.length > limit) return { kind: "full" };
        for (const job of jobs) insert(context, run, job);
        if (key !== null) remember(context, key, jobs);
        return { kind: "added" };
      }),
  } satisfies Partial<ServeStore>;
}

const jobIds = v.pipe(v.string(), v.parseJson(), v.array(v.string()));

function findEarlier({ sql, now }: StoreContext, { scope, key, hash }: RequestKey): EarlierJobs | null {
  const row = sql<{ hash: string | null; job_ids: string }>(
    "SELECT hash, job_ids FROM request_keys WHERE scope = $scope AND key = $key AND created_at > $since",
  ).get({ scope, key, since: now() - REMEMBERED_MS });
  if (row === null) return null;
  if (hash !== null && row.hash !== null && row.hash !== hash) return { kind: "conflict" };
  const ids = v.safeParse(jobIds, row.job_ids);
  if (!ids.success) throw damagedRow("an idempotency key", new Error("job_ids"));
  return { kind: "known", jobIds: ids.output };
}

/** In place of one that has expired. */
function remember({ sql, now }: StoreContext, { scope, key, hash }: RequestKey, jobs: readonly NewJob[]): void {
  sql(
    `INSERT OR REPLACE INTO request_keys (scope, key, hash, job_ids, created_at)
     VALUES ($scope, $key, $hash, $jobIds, $now)`,
  ).run({ scope, key, hash, jobIds: JSON.stringify(jobs.map(({ id }) => id)), now: now() });
}

function insert({ sql, now }: StoreContext, run: number, job: NewJob): void {
  if (job.uploads.length === 0) throw new Error("a job without uploads");
  const createdAt = now();
  const { dueAt, waitingFor } = firstRest(job, createdAt);
  const { lastInsertRowid } = sql(
    `INSERT INTO jobs (id, state, group_id, hook, not_before, settle_ms, callback, after, resumable, created_at)
     VALUES ($id, $state, $group, $hook, $notBefore, $settleMs, $callback, $after, $resumable, $createdAt)`,
  ).run({
    id: job.id,
    state: dueAt === null ? STATE.queued : STATE.waiting,
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
  const shared = {
    run,
    // Jobs are claimed in the order of their places, by which uploads of one job are also siblings.
    job: Number(lastInsertRowid),
    ...sourceColumns(job.source),
    labels: JSON.stringify(job.labels),
    createdAt,
    dueAt,
    waitingFor,
  };
  for (const [destinationIndex, { account, accountKey, host, folder, name }] of job.uploads.entries()) {
    const id = Bun.randomUUIDv7();
    addUpload.run({ ...shared, id, destinationIndex, account, accountKey, host, folder, name });
  }
}

interface Rest {
  readonly dueAt: number | null;
  readonly waitingFor: WaitReason | null;
}

/** A file that must stand still is looked at again only then; it may also have to wait longer than that. */
function firstRest({ notBefore, settleMs }: NewJob, now: number): Rest {
  const settledAt = settleMs === null ? now : Math.ceil(now + settleMs);
  if (notBefore !== null && notBefore > settledAt) return { dueAt: notBefore, waitingFor: "notBefore" };
  return settledAt > now ? { dueAt: settledAt, waitingFor: "settle" } : { dueAt: null, waitingFor: null };
}
