import { rm } from "node:fs/promises";
import { AppError, errorView } from "../../errors.ts";
import { type Spooled, spool } from "../../io/spool.ts";
import { stdinStream } from "../../io/stdin.ts";
import type { JobStore, NewUpload, Outcome, SourceRecord, UploadRecord } from "../job-store.ts";
import { type Existing, skippedOutcome } from "../skip.ts";
import type { FoundSource } from "../sources/find-sources.ts";
import { removeStaleCopies } from "../sources/spooled-bodies.ts";
import type { PlannedUpload } from "./plan.ts";

/** How the planned uploads of a run become records. */
export interface Recording {
  readonly labels: Readonly<Record<string, string>>;
  /** Null: standard input is sent as it comes. */
  readonly stdin: StdinSpool | null;
  /** The ledger's word on `--skip-existing`; null without that option. */
  readonly known: ((upload: NewUpload) => Promise<Existing | null>) | null;
}

export async function toNewUpload(planned: PlannedUpload, recording: Recording): Promise<NewUpload> {
  const upload: NewUpload = {
    sourceIndex: planned.sourceIndex,
    destinationIndex: planned.destinationIndex,
    source: await sourceRecord(planned, recording),
    account: planned.account.name,
    accountKey: planned.account.key,
    host: planned.account.host.id,
    folder: planned.folder,
    name: planned.name,
    labels: recording.labels,
  };
  if (planned.error !== null) return { ...upload, outcome: { ok: false, error: errorView(planned.error) } };
  const known = recording.known === null ? null : await recording.known(upload);
  return known === null ? upload : { ...upload, outcome: skippedOutcome(known, upload.source.size ?? 0) };
}

async function sourceRecord({ source, error }: PlannedUpload, recording: Recording): Promise<SourceRecord> {
  if (source.path === "-" && recording.stdin !== null && error === null) return recording.stdin.take();
  return fileRecord(source);
}

export function fileRecord({ path, identity }: FoundSource): SourceRecord {
  return {
    path,
    size: identity?.size ?? null,
    mtimeNs: identity?.mtimeNs ?? null,
    inode: identity?.inode ?? null,
    spool: null,
  };
}

export interface SpoolWorld {
  readonly store: Pick<JobStore, "spoolsInUse">;
  readonly spoolDirectory: string;
}

/** A copy of standard input, made at most once per run, however many destinations it has. */
export interface StdinSpool {
  take(): Promise<SourceRecord>;
  /** Deletes the copy: the run it was made for has come to nothing. */
  drop(): Promise<void>;
}

export function createStdinSpool({ store, spoolDirectory }: SpoolWorld, signal: AbortSignal): StdinSpool {
  let spooled: Promise<Spooled> | null = null;
  const begin = async (): Promise<Spooled> => {
    await removeStaleCopies(store, spoolDirectory);
    return spool(stdinStream(), spoolDirectory, signal);
  };
  return {
    async take() {
      spooled ??= begin();
      const { path, identity } = await spooled;
      return { path: "-", size: identity.size, mtimeNs: null, inode: null, spool: path };
    },
    async drop() {
      const copy = await spooled?.catch(() => null);
      if (copy != null) await rm(copy.path, { force: true });
    },
  };
}

/** What an upload without a record of its own came to, in the shape of one. */
export function unrecorded(upload: NewUpload, runId: string, outcome: Outcome): UploadRecord {
  const now = Date.now();
  return {
    ...upload,
    id: Bun.randomUUIDv7(),
    runId,
    state: outcome.ok ? "done" : "failed",
    phase: "new",
    checkpoint: null,
    fence: 0,
    attempts: 0,
    outcome,
    reported: true,
    createdAt: now,
    startedAt: null,
    finishedAt: now,
    seconds: 0,
  };
}

export function runningElsewhere(pid: number): AppError {
  return new AppError("state", `another hoist (process ${pid}) is uploading this file to the same place`, {
    hint: "wait for it, or skip such files with --skip-existing",
  });
}
