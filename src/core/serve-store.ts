import type { ErrorView } from "../errors.ts";
import type { RunOptions } from "./inputs.ts";
import type { AccountState, JobStore, SourceRecord, SourceStamp, UploadRecord } from "./job-store.ts";

/** One source that `serve` was asked to upload, to one or more destinations. */
export interface JobRecord {
  /** UUIDv7. */
  readonly id: string;
  readonly source: SourceRecord;
  readonly labels: Readonly<Record<string, string>>;
  /** Shared by the jobs of one directory or of one event. */
  readonly group: string | null;
  /** The hook that queued it. */
  readonly hook: string | null;
  /** Milliseconds since the epoch; nothing is sent before. */
  readonly notBefore: number | null;
  /** Milliseconds that size and mtime must stand still before the first byte; null: they need not, or they have. */
  readonly settleMs: number | null;
  /** URL told of the end; null: nobody. */
  readonly callback: string | null;
  readonly after: RunOptions["after"];
  readonly resumable: RunOptions["resumable"];
  readonly createdAt: number;
  /** By destination. */
  readonly uploads: readonly JobUpload[];
}

/** An upload of a job, with what only a server knows of it. */
export interface JobUpload extends UploadRecord {
  /** Milliseconds since the epoch until which it rests; null: it does not. */
  readonly dueAt: number | null;
  readonly waitingFor: WaitReason | null;
  /** How often it failed with all its retries: picks the next wait. */
  readonly rounds: number;
  /** Process deaths while it ran. */
  readonly crashes: number;
}

/** Why an upload is `waiting`. */
export type WaitReason = "cool-down" | "captcha" | "notBefore" | "settle" | "account" | "retry";

export type NewJob = Omit<JobRecord, "createdAt" | "uploads"> & {
  readonly uploads: readonly Pick<UploadRecord, "account" | "accountKey" | "host" | "folder" | "name">[];
};

/** Makes a repeated request find the jobs of the first. */
export interface RequestKey {
  /** Whose key: the token or hook. */
  readonly scope: string;
  readonly key: string;
  /** Of the request; the same key with another one is a conflict. Null: any request with the key is the same. */
  readonly hash: string | null;
  /** What the request as a whole goes by, where each of its files has a key of its own; absent or null: by nothing. */
  readonly request?: RequestName | null;
}

/** Once a request has made a job, another request (by its hash) with the same key is a conflict, whatever its files. */
export interface RequestName {
  readonly key: string;
  readonly hash: string;
}

/** What an earlier request with the same key has come to. */
export type EarlierJobs =
  | { readonly kind: "known"; readonly jobIds: readonly string[] }
  | { readonly kind: "conflict" };

export type JobsAdded =
  /** As they are stored, in the order in which they were given. */
  | { readonly kind: "added"; readonly jobs: readonly JobRecord[] }
  | EarlierJobs
  /** The queue holds as many unended jobs as it may. */
  | { readonly kind: "full" };

/** An account as configured now. */
export interface AccountNow {
  readonly name: string;
  /** The id of its host. */
  readonly host: string;
  readonly key: string;
}

/** What a starting server has to tell of the time before. */
export interface Adopted {
  /** Uploads that ended because their process died, with their jobs' ids: those go on where another upload does. */
  readonly crashed: readonly { readonly job: string; readonly upload: UploadRecord }[];
  /** Jobs that ended by this, and those that ended before without `jobTold`: the process died in between. */
  readonly untold: readonly JobRecord[];
}

/** Upload states as shown, `waiting` included; a job has the first of these that any of its uploads has. */
export const JOB_STATES = ["running", "waiting", "queued", "unknown", "failed", "cancelled", "done"] as const;
export type JobState = (typeof JOB_STATES)[number];

/** What makes uploads wait that only the server knows. */
export interface Waits {
  /** Keys of the accounts whose queued uploads wait. */
  readonly accounts: readonly string[];
  /** Of the accounts that uploads are queued for, how many are among these. */
  readonly ofQueued: "none" | "some" | "all";
  /** Uploads that wait though they run. */
  readonly uploads: readonly string[];
}

export interface JobsQuery {
  readonly state?: JobState;
  readonly waits?: Waits;
  readonly account?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Only jobs of which `path` or a directory above it is one of these; null: all. */
  readonly under: readonly string[] | null;
  readonly limit: number;
  /** Cursor of an earlier page. */
  readonly after?: string;
}

/** A message to somebody else, kept until it is delivered or given up. */
export interface Delivery {
  readonly id: string;
  /** "callback", or the name of a `[[notify]]`. */
  readonly channel: string;
  /** "" for a `[[notify]]`, whose URL may be a secret: it is taken from the configuration when it is sent. */
  readonly url: string;
  readonly body: string;
  readonly createdAt: number;
  /** Tries so far. */
  readonly tries: number;
}

export interface QueueDepth {
  readonly byState: Readonly<Record<JobState, number>>;
  /** Milliseconds since the epoch; null when nothing is unended. */
  readonly oldestUnended: number | null;
}

/**
 * What `serve` keeps beyond `JobStore`, in the same database. Uploads of jobs are uploads like any other: claimed,
 * fenced and recorded by the same methods; `claim` and `queued` leave out those that are not due. They are a server's
 * alone: `recover`, `resumable`, `untold`, `requeue`, `drop` and `addUploads` pass them over, but for telling that a
 * live server has the file.
 */
export interface ServeStore extends JobStore {
  /**
   * Jobs and key in one transaction; the uploads are queued in `runId`, due at `notBefore` and no sooner than
   * `settleMs` from now. Resolves when durable: many requests may share the fsync. `limit`: most unended jobs at a time.
   */
  addJobs(runId: string, jobs: readonly NewJob[], key: RequestKey | null, limit: number): Promise<JobsAdded>;
  /** Null for a new key: a repeated request is answered even when its file has gone meanwhile. */
  earlierJobs(key: RequestKey): Promise<EarlierJobs | null>;
  /**
   * Takes all unended uploads of jobs into the run of a starting server, keeping phase and checkpoint; the caller holds
   * the lock that keeps a second server out of this state directory. An upload that was running when its process died
   * counts a crash; the third ends it as `failed`, and one that died in `finishing` on a host outside `committingHosts`
   * ends as `unknown`. Of their sources the devices are forgotten: a restart of the machine may number them anew.
   */
  adoptJobs(runId: string, committingHosts: ReadonlySet<string>): Promise<Adopted>;
  job(id: string): Promise<JobRecord | null>;
  jobOfUpload(uploadId: string): Promise<JobRecord | null>;
  /** Newest first. */
  jobs(query: JobsQuery): Promise<{ readonly jobs: readonly JobRecord[]; readonly next: string | null }>;

  /**
   * Puts an owned upload back into the queue until `dueAt`, with the failure that sent it there. `retry` counts a round.
   * `seconds`: in all; without it those of this round are lost.
   */
  postpone(
    id: string,
    fence: number,
    dueAt: number,
    why: WaitReason,
    error: ErrorView | null,
    seconds?: number,
  ): Promise<void>;
  /**
   * The file of an owned upload has stood still: its job waits for that no more, and what is queued of it takes the file
   * as this upload remembers it.
   */
  stoodStill(id: string): Promise<void>;
  /** Changes what a queued upload waits for, without taking it. */
  rest(id: string, dueAt: number | null, why: WaitReason | null): Promise<void>;
  /**
   * When the next resting upload of the run is due, milliseconds since the epoch; in the past for one that became due
   * since `queued` was asked.
   */
  nextDue(runId: string): Promise<number | null>;
  /**
   * Ends what is queued or waiting as `cancelled`; returns the uploads that run and must be aborted by their owner. Of
   * those `error` is the outcome from now on, until they end: should their process die first, they are cancelled, too.
   */
  cancelJob(id: string, error: ErrorView): Promise<readonly UploadRecord[]>;
  /** Ends an owned upload as `cancelled`. */
  finishCancelled(id: string, fence: number, error: ErrorView, seconds: number): Promise<void>;
  /**
   * Queues failed, cancelled and unknown uploads of a job again, from round 0 and no sooner than its `notBefore`, each in
   * the phase from which it goes on. False when there are none. `file`: what is remembered of their source from now on;
   * what a host has of another content is left aside, but for a commit that was asked for.
   */
  retryJob(runId: string, id: string, file?: SourceStamp): Promise<boolean>;
  /** Forgets an ended job; its uploads stay in the history. False when it has not ended. */
  removeJob(id: string): Promise<boolean>;
  /**
   * Forgets jobs that ended before, and keys and message ids that have expired. Returns the spooled files of those jobs
   * that may still be there: nothing will ask for them any more.
   */
  forget(endedBefore: number): Promise<readonly string[]>;
  /**
   * Queued uploads that are of an account that is none of these, and that nothing has been sent of, go to the one of
   * theirs that is called as theirs was and is on the same host; what they waited for because of the other is over.
   * `jobId`: those of that job alone. Returns how many went to each name.
   */
  followAccounts(runId: string, accounts: readonly AccountNow[], jobId?: string): Promise<ReadonlyMap<string, number>>;
  /** What the account of a key is called by its queued uploads; null without one. */
  accountNameOf(runId: string, accountKey: string): Promise<string | null>;
  /** Jobs by the state they are stored in, which costs the same however many there are. */
  depth(): Promise<QueueDepth>;
  /** Of the jobs stored in this state, how many show `waiting` because of `waits`. Looks at each of them. */
  countWaiting(state: "running" | "queued", waits: Waits): Promise<number>;

  /** Remembers a signed message's id for 30 days; false when it is known already. */
  rememberMessage(scope: string, id: string): Promise<boolean>;

  /**
   * Everything about the job's present end is queued for delivery: called in the same tick as the last `enqueueDelivery`
   * of it and after that, so that a crash in between can repeat a message but lose none. A job that runs again has to be
   * told again.
   */
  jobTold(id: string): Promise<void>;
  enqueueDelivery(delivery: Pick<Delivery, "channel" | "url" | "body">): Promise<void>;
  /** Due deliveries, oldest first. */
  dueDeliveries(limit: number): Promise<readonly Delivery[]>;
  nextDelivery(): Promise<number | null>;
  /** `dueAt` null: delivered or given up, and forgotten. */
  settleDelivery(id: string, dueAt: number | null): Promise<void>;

  /** Fails with `state` when nothing that is written now can last. Costs next to nothing. */
  assertLasting(): Promise<void>;
  accountStates(): Promise<ReadonlyMap<string, AccountState>>;
}
