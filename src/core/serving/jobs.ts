import type { AppError } from "../../errors.ts";
import type { Phase } from "../../hosts/phase.ts";
import type { AccountStanding } from "../accounts/account-standing.ts";
import type { RunOptions } from "../inputs.ts";
import type { Destination } from "../planning/destinations.ts";
import type { JobState, QueueDepth, RequestKey } from "../serve-store.ts";
import type { AddJob } from "./add-job.ts";
import type { JobView } from "./job-view.ts";

/** Who asks for a job, and what that one may name. */
export interface Submitter {
  /** Token or hook: the scope of idempotency keys. */
  readonly name: string;
  readonly hook: string | null;
  /** Directories whose files may be named. */
  readonly roots: readonly Root[];
  /** Whether `after: delete` and `move` are allowed at all; the root must allow it too. */
  readonly mayDelete: boolean;
}

/** A directory tree that jobs may name files of. */
export interface Root {
  /** Absolute, symlinks resolved, without a trailing slash. */
  readonly path: string;
  /** Files below may be deleted or moved after their upload. */
  readonly write: boolean;
}

/** A file that a request brought itself, already spooled. */
export interface SpooledFile {
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

/** One request for uploads, its destinations already parsed. Durations in milliseconds, moments since the epoch. */
export interface JobRequest {
  /** Absolute. */
  readonly path: string;
  readonly to: readonly Destination[];
  /** Null: the file's own. May be a template. */
  readonly name: string | null;
  /** Of the first file in the name's template; absent: 1. */
  readonly firstNumber?: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** A directory is meant with all that is in it. */
  readonly recursive: boolean;
  readonly callback: string | null;
  readonly notBefore: number | null;
  readonly settleMs: number | null;
  readonly resumable: RunOptions["resumable"];
  readonly after: RunOptions["after"];
  /** Shared with other requests of the same event; absent or null: with none. */
  readonly group?: string | null;
}

export interface Submitted {
  /** In source order; one, unless a directory or an event named several files. */
  readonly jobs: readonly JobView[];
  /** False: an earlier request with the same key made them. */
  readonly created: boolean;
}

export interface ListJobs {
  readonly state?: JobState | undefined;
  readonly account?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly limit: number;
  readonly after?: string | undefined;
}

/** Lane state of an account as shown. */
export interface AccountView extends AccountStanding {
  readonly name: string;
  readonly host: string;
  /** Uploads of it that run in this server, those that wait for a cool-down or a person not among them. */
  readonly running: number;
  /** The page a person must open; null unless it waits for a captcha. */
  readonly captchaUrl: string | null;
}

/** What happens in a running server, in order. `job.progress` is not kept for `Last-Event-ID`. */
export type ServerEvent =
  | { readonly type: "job.state"; readonly job: JobView; readonly jobPath: string }
  | {
      readonly type: "job.progress";
      readonly job: string;
      readonly jobPath: string;
      /** Its id: two uploads of a job may be of one account. */
      readonly upload: string;
      readonly account: string;
      readonly bytes: number;
      readonly size: number | null;
      readonly rate: number;
      readonly phase: Phase;
    }
  | { readonly type: "account.state"; readonly account: AccountView };

/**
 * Everything a server offers, for routes, hooks and tests alike. `roots` limits what a caller sees: a job of a file
 * outside them does not exist for it. Fails with AppError only.
 */
export interface Jobs {
  /**
   * Queues; durable when it resolves. Fails with `usage`, `source` (one sentence for every cause), `unprocessable` (a
   * reused idempotency key, a callback that cannot be), `forbidden`, `queue_full`, `state` (disk).
   */
  add(request: JobRequest, submitter: Submitter, key: RequestKey | null): Promise<Submitted>;
  /**
   * Queues all files of requests that nothing tells apart from their repetition, or none: what failed can be sent again.
   * A file that cannot be opened keeps no other out; `refused` is told of it. Fails as `add` does.
   */
  addTogether(
    requests: readonly JobRequest[],
    submitter: Submitter,
    refused: (request: JobRequest, error: AppError) => void,
  ): Promise<Submitted>;
  /** A file that came with the request; it is deleted when no destination needs it any more, or when this fails. */
  addSpooled(
    file: SpooledFile,
    request: Omit<JobRequest, "path" | "recursive" | "after" | "settleMs" | "name">,
    submitter: Submitter,
    key: RequestKey | null,
  ): Promise<Submitted>;
  /** `POST /v1/jobs` as a request: destinations parsed, path rewritten, callback judged. */
  readRequest(input: AddJob): JobRequest;
  list(
    query: ListJobs,
    roots: readonly Root[],
  ): Promise<{ readonly jobs: readonly JobView[]; readonly next: string | null }>;
  /** Fails with `not_found`. */
  get(id: string, roots: readonly Root[]): Promise<JobView>;
  /** The job when it has ended, or as it is after `ms`. */
  wait(id: string, ms: number, roots: readonly Root[], signal: AbortSignal): Promise<JobView>;
  /** The job as it has ended, which it has in a moment. Fails with `conflict` when it had before. */
  cancel(id: string, roots: readonly Root[]): Promise<JobView>;
  /** Fails with `conflict` when nothing failed. */
  retry(id: string, roots: readonly Root[]): Promise<JobView>;
  /** Fails with `conflict` while it has not ended. */
  remove(id: string, roots: readonly Root[]): Promise<void>;
  accounts(): Promise<readonly AccountView[]>;
  pauseAccount(name: string): Promise<AccountView>;
  resumeAccount(name: string): Promise<AccountView>;
  /** By the states that are shown. */
  depth(): Promise<QueueDepth>;
  /** Calls back for every event until the returned function is called. */
  subscribe(listener: (event: ServerEvent) => void): () => void;
}
