import type { ErrorView } from "../errors.ts";
import type { Phase } from "../hosts/phase.ts";
import type { Json } from "../json.ts";
import type { UploadState } from "./job.ts";

/** The file behind an upload, as it was when it was named. */
export interface SourceRecord {
  /** Absolute; "-" for stdin. */
  readonly path: string;
  /** Bytes; null while unknown (stdin). */
  readonly size: number | null;
  /** Nanoseconds since the epoch, decimal; null for stdin. */
  readonly mtimeNs: string | null;
  /** `dev:ino`, decimal; null for stdin. Of a server's earlier run without the device, which is 0 then. */
  readonly inode: string | null;
  /** Copy of stdin in the state directory, deleted when its upload has ended. */
  readonly spool: string | null;
}

/** What identifies the content of a source without reading it. */
export type SourceStamp = Pick<SourceRecord, "size" | "mtimeNs" | "inode">;

/** What an upload came to. */
export type Outcome =
  | {
      readonly ok: true;
      readonly url: string | null;
      readonly remoteId: string | null;
      readonly size: number;
      readonly md5: string | null;
      readonly verified: "md5" | "size" | null;
      readonly skipped: boolean;
      readonly skipReason: "ledger" | "host" | "running" | null;
    }
  | { readonly ok: false; readonly error: ErrorView };

export interface UploadRecord {
  /** UUIDv7: sorts by creation. */
  readonly id: string;
  readonly runId: string;
  /** Order within the run: source first, destination second. */
  readonly sourceIndex: number;
  readonly destinationIndex: number;
  readonly source: SourceRecord;
  readonly account: string;
  /** host + base URL's origin + login: what ledger, lanes and cool-downs belong to. */
  readonly accountKey: string;
  readonly host: string;
  readonly folder: string | null;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: UploadState;
  readonly phase: Phase;
  readonly checkpoint: Json | null;
  /** Grows with every claim, and when a dead owner's upload is settled; a writer with an older one has lost it. */
  readonly fence: number;
  /** Attempts over all runs. */
  readonly attempts: number;
  readonly outcome: Outcome | null;
  /** Whether a person has been told the outcome (a crash found at the next start has not been told yet). */
  readonly reported: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** Active seconds over all runs. */
  readonly seconds: number;
}

export type NewUpload = Pick<
  UploadRecord,
  "sourceIndex" | "destinationIndex" | "source" | "account" | "accountKey" | "host" | "folder" | "name" | "labels"
> & {
  /** Set for a source that cannot be uploaded: stored as failed at once. */
  readonly outcome?: Outcome;
};

/** What became of a `NewUpload`. */
export type Added =
  | { readonly kind: "new"; readonly id: string }
  /** An interrupted upload of the same source, account, folder and name goes on in this run, with its checkpoint. */
  | { readonly kind: "adopted"; readonly id: string }
  /** The same upload is alive in another process; a row that records this is not made. */
  | { readonly kind: "running_elsewhere"; readonly owner: OwnerInfo }
  /** The same upload ended with an unknown outcome that nobody was told yet; it is marked as told. */
  | { readonly kind: "unknown"; readonly id: string };

export interface OwnerInfo {
  readonly id: string;
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** What a person would recognise: "hoist up" or "hoist serve". */
  readonly command: string;
}

/** Lane state of an account, shared by all processes of this state directory. */
export interface AccountState {
  /** Milliseconds since the epoch; null when no cool-down runs. */
  readonly coolDownUntil: number | null;
  /** How often in a row the host asked for one: the wait doubles with it. */
  readonly coolDowns: number;
  /** Keyed hash of the secret that the host refused; null when none was. */
  readonly refusedSecret: string | null;
  /** Why the login was refused, in the host's words. */
  readonly refusedMessage: string | null;
  readonly paused: boolean;
  /** Why a server has paused it; null: a person did, or nobody. */
  readonly pausedBecause: string | null;
}

export type AccountChange = Partial<AccountState> | ((now: AccountState) => Partial<AccountState>);

/** What `resume` of an account comes to. */
export const RESUMED = {
  paused: false,
  pausedBecause: null,
  refusedSecret: null,
  refusedMessage: null,
} as const satisfies Partial<AccountState>;

export type LaneGrant = { readonly granted: true } | { readonly granted: false; readonly owner: OwnerInfo | null };

export interface HistoryQuery {
  readonly since?: number;
  readonly until?: number;
  readonly account?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly failed?: boolean;
  /** Default: oldest first. */
  readonly newestFirst?: boolean;
}

/**
 * The one table under `up`, `serve`, `history` and `resume`. Every method that writes resolves when other processes see
 * the write; what a later start relies on, also after a loss of power, is on the disk by then. Writes of one tick share
 * a transaction, and those of one moment a wait for the disk. Fails with `state` when the database is locked,
 * damaged or the disk is full.
 */
export interface JobStore extends AsyncDisposable {
  /** This process, as other processes see it. */
  readonly owner: OwnerInfo;
  /** Whether what is written here outlasts this process. */
  readonly recorded: boolean;

  /** Which of these spooled files an upload may still need: one that is not done, of no job or of one not forgotten. */
  spoolsInUse(paths: readonly string[]): Promise<ReadonlySet<string>>;

  /**
   * Marks uploads of dead owners: `interrupted`, or `unknown` (not yet reported) when they died in `finishing` on a
   * host that is not in `committingHosts`. Forgets runs that died while being planned. Sends nothing.
   */
  recover(committingHosts: ReadonlySet<string>): Promise<void>;

  /** A run is invisible to `resume` until it is opened, and vanishes with its owner before that. */
  createRun(options: Json): Promise<string>;
  openRun(runId: string): Promise<void>;
  /** Removes a run that was not opened; adopted uploads go back to `interrupted`. */
  dropRun(runId: string): Promise<void>;
  runOptions(runId: string): Promise<Json | null>;
  addUploads(runId: string, uploads: readonly NewUpload[]): Promise<readonly Added[]>;

  /**
   * Takes the next queued upload of the run (source order, then destination) whose account is not in `busyAccounts`:
   * it becomes `running`, owned by this process, under a new fence. `only`: of that account, whatever else is queued.
   */
  claim(runId: string, busyAccounts: ReadonlySet<string>, only?: string): Promise<UploadRecord | null>;
  /** Uploads of the run that are still queued, by account key; `atMost` saves counting on in a long queue. */
  queued(runId: string, atMost?: number): Promise<ReadonlyMap<string, number>>;
  /** Fails with `state` when the fence is no longer ours. `checkpoint` undefined keeps the recorded one. */
  savePhase(id: string, fence: number, phase: Phase, checkpoint?: Json | null): Promise<void>;
  /** Size, mtime and spool as found when the source was opened or spooled. */
  saveSource(id: string, fence: number, source: SourceRecord): Promise<void>;
  startAttempt(id: string, fence: number): Promise<void>;
  /** Ends the upload; its lane is given up apart. A retryable failure stays open to `resume`. `seconds`: in all. */
  finish(id: string, fence: number, outcome: Outcome, seconds: number): Promise<void>;
  /** Stops an owned upload without an outcome, or with the failure that stopped it, for `resume`. */
  interrupt(id: string, fence: number, error: ErrorView | null, seconds: number): Promise<void>;
  /**
   * Queued uploads of the run (of one account, or of all) end without being tried. Yields them as they are then, in
   * result order; those not asked for stay queued.
   */
  endQueued(
    runId: string,
    accountKey: string | null,
    state: "interrupted" | "failed",
    error: ErrorView,
  ): AsyncIterable<UploadRecord>;

  get(id: string): Promise<UploadRecord | null>;
  /** Uploads of a run in result order. */
  uploadsOf(runId: string): AsyncIterable<UploadRecord>;
  /**
   * The upload and the other destinations of its source in the request it was made by, whichever runs they have
   * moved to since, as they are on the disk: `requeue` keeps the request, adoption by a new `addUploads` starts a new one.
   */
  siblings(id: string): Promise<readonly UploadRecord[]>;

  /**
   * What `resume` would take, oldest first: interrupted, or failed with a retryable error. Runs of other live
   * processes are left out: they will tell themselves.
   */
  resumable(): AsyncIterable<UploadRecord>;
  /** Uploads that died with an unknown outcome and that nobody was told of; by this call they are told, oldest first. */
  untold(): Promise<readonly UploadRecord[]>;
  /**
   * Moves uploads into a new run, queued again, keeping phase and checkpoint. Returns those moved: others are gone, or
   * another process was first.
   */
  requeue(runId: string, ids: readonly string[]): Promise<readonly string[]>;
  /** Forgets an interrupted, failed or unknown upload. False when there is none of that id, or its run still runs. */
  drop(id: string): Promise<boolean>;
  /** Ended uploads (skipped ones left out). */
  history(query: HistoryQuery): AsyncIterable<UploadRecord>;

  /** The newest finished upload of that source to this destination (by path, size and mtime). */
  findDone(
    key: Pick<UploadRecord, "accountKey" | "folder"> & { readonly source: SourceRecord },
  ): Promise<UploadRecord | null>;
  /** The newest finished upload of the same content to this destination, under any name. */
  findDoneByContent(
    key: Pick<UploadRecord, "accountKey" | "folder"> & { readonly size: number; readonly md5: string },
  ): Promise<UploadRecord | null>;

  /** One of the account's `capacity` lanes, over all processes; lanes of dead owners are free. Not waited for. */
  takeLane(accountKey: string, capacity: number): Promise<LaneGrant>;
  freeLane(accountKey: string): Promise<void>;
  /** Who holds lanes of the account. Only looks. */
  laneOwners(accountKey: string): Promise<readonly OwnerInfo[]>;
  /** A named lock over all processes; not waited for. */
  takeLock(name: string): Promise<LaneGrant>;
  freeLock(name: string): Promise<void>;
  /** Who holds the lock; null: nobody who lives. Only looks. */
  lockOwner(name: string): Promise<OwnerInfo | null>;

  account(accountKey: string): Promise<AccountState>;
  /** A function is given what is stored at the moment of the change; it may be asked twice. */
  saveAccount(accountKey: string, change: AccountChange): Promise<void>;
  /** Hex HMAC of `secret` under a key that never leaves the state directory. */
  fingerprint(secret: string): Promise<string>;
}
