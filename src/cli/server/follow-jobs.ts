import type { EngineListener } from "../../core/events.ts";
import type { Outcome, UploadRecord } from "../../core/job-store.ts";
import { isEnded, type JobUploadView, type JobView } from "../../core/serving/job-view.ts";
import { asJob } from "./server-answers.ts";
import type { ServerClient } from "./server-client.ts";
import { serverEvents } from "./server-events.ts";

/** What became of a source: a job of the server, or uploads that failed before there was one. */
export type Queued = JobView | readonly UploadRecord[];

/** Tells a report what becomes of jobs on a server, in the words of an engine of this process. */
export interface JobFollower {
  /** Tells what there is to follow, and what has ended already. */
  begin(): void;
  /** A job as it is now. */
  see(job: JobView): void;
  /** The data of a `job.progress`. */
  progress(data: unknown): void;
  /** Uploads that have not ended. */
  readonly open: number;
  readonly unendedJobs: readonly string[];
}

/** `queued`: in the order of the results. */
export function createJobFollower(queued: readonly Queued[], listen: EngineListener): JobFollower {
  const seen = new Map<string, { readonly index: number; job: JobView }>();
  for (const [index, each] of queued.entries()) if ("uploads" in each) seen.set(each.id, { index, job: each });
  const started = new Set<string>();
  const ended = new Set<string>();
  const open = new Set([...seen.values()].flatMap(({ job }) => job.uploads.map(({ id }) => id)));
  const pages = new Set<string>();

  function start(record: UploadRecord): void {
    if (started.has(record.id)) return;
    started.add(record.id);
    listen({ type: "start", upload: record });
  }

  function see(job: JobView): void {
    const known = seen.get(job.id);
    if (known === undefined) return;
    known.job = job;
    for (const [destinationIndex, upload] of job.uploads.entries()) {
      const record = recordOf(job, upload, known.index, destinationIndex);
      if (upload.state === "running") start(record);
      const { error } = upload;
      if (error?.code === "captcha" && error.url !== null && !isEnded(upload.state) && !pages.has(error.url)) {
        pages.add(error.url);
        listen({ type: "captcha", account: upload.account, url: error.url });
      }
      if (!isEnded(upload.state) || ended.has(upload.id)) continue;
      ended.add(upload.id);
      open.delete(upload.id);
      listen({ type: "ended", upload: record });
    }
  }

  return {
    begin() {
      const counts = queued.map((each) => ("uploads" in each ? each.uploads : each).length);
      listen({
        type: "planned",
        uploads: counts.reduce((sum, count) => sum + count, 0),
        destinations: Math.max(1, ...counts),
        bytes: [...seen.values()].reduce((sum, { job }) => sum + (job.source.size ?? 0) * job.uploads.length, 0),
      });
      for (const [sourceIndex, each] of queued.entries()) {
        if ("uploads" in each) see(each);
        else for (const upload of each) listen({ type: "ended", upload: { ...upload, sourceIndex } });
      }
    },
    see,
    progress(data) {
      const { job: id, upload: uploadId, account, bytes, size, rate } = data as Readonly<Record<string, unknown>>;
      const known = typeof id === "string" ? seen.get(id) : undefined;
      if (known === undefined || typeof bytes !== "number") return;
      const { job, index } = known;
      // A server of an earlier version tells no more than the account.
      const isMeant = (upload: JobUploadView) =>
        uploadId === undefined ? upload.account === account : upload.id === uploadId;
      const at = job.uploads.findIndex((upload) => isMeant(upload) && !ended.has(upload.id));
      const upload = job.uploads[at];
      if (upload === undefined) return;
      const record = recordOf(job, upload, index, at);
      start(record);
      listen({
        type: "progress",
        upload: record,
        bytes,
        size: typeof size === "number" ? size : null,
        rate: typeof rate === "number" ? rate : 0,
      });
    },
    get open() {
      return open.size;
    },
    get unendedJobs() {
      return [...seen.values()].flatMap(({ job }) => (isEnded(job.state) ? [] : [job.id]));
    },
  };
}

export interface FollowListener {
  /** A job as it is now, after the follower has seen it. */
  readonly seen: (job: JobView) => Promise<void>;
  /** Once for each break of the connection. */
  readonly lost: () => void;
}

/** Follows until every job has ended or `signal` is aborted. */
export async function followJobs(
  client: ServerClient,
  follower: JobFollower,
  signal: AbortSignal,
  listener: FollowListener,
): Promise<void> {
  const ids = follower.unendedJobs;
  if (ids.length === 0) return;
  try {
    await follow(client, follower, ids, signal, listener);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function follow(
  client: ServerClient,
  follower: JobFollower,
  ids: readonly string[],
  signal: AbortSignal,
  { seen, lost }: FollowListener,
): Promise<void> {
  const followed = new Set(ids);
  async function see(data: unknown): Promise<void> {
    const job = asJob(data);
    follower.see(job);
    if (followed.has(job.id)) await seen(job);
  }

  for await (const message of serverEvents(client, ids.length === 1 ? (ids[0] ?? null) : null, signal)) {
    switch (message.type) {
      case "connected":
        // What happened before the stream stood is asked for.
        for (const id of follower.unendedJobs) {
          if (signal.aborted) return;
          await see(await client.json({ method: "GET", path: `/v1/jobs/${encodeURIComponent(id)}`, signal }));
        }
        break;
      case "lost":
        lost();
        break;
      case "event":
        if (message.event === "job.progress") follower.progress(message.data);
        if (message.event === "job.state") await see(message.data);
    }
    if (follower.open === 0) return;
  }
}

/** An upload of a job as the record that its server has, as far as results need it. */
export function recordOf(
  job: JobView,
  upload: JobUploadView,
  sourceIndex: number,
  destinationIndex: number,
): UploadRecord {
  return {
    id: upload.id,
    runId: job.id,
    sourceIndex,
    destinationIndex,
    source: { path: upload.file, size: upload.size, mtimeNs: null, inode: null, spool: null },
    account: upload.account,
    accountKey: `${upload.host} ${upload.account}`,
    host: upload.host,
    folder: upload.folder,
    name: upload.name,
    labels: upload.labels,
    state: upload.state,
    phase: upload.phase,
    checkpoint: null,
    fence: 0,
    attempts: upload.attempts,
    outcome: outcomeOf(upload),
    reported: true,
    createdAt: Date.parse(job.createdAt),
    startedAt: momentOf(job.startedAt),
    finishedAt: momentOf(job.finishedAt),
    seconds: upload.seconds ?? 0,
  };
}

function outcomeOf(upload: JobUploadView): Outcome | null {
  if (upload.ok === true) {
    const { url, remoteId, md5, verified, skipped, skipReason } = upload;
    return { ok: true, url, remoteId, size: upload.size ?? 0, md5, verified, skipped, skipReason };
  }
  return upload.ok === false && upload.error !== null ? { ok: false, error: upload.error } : null;
}

function momentOf(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}
