import type { HostSession, Target } from "../hosts/host.ts";
import { hashFile } from "../io/hash-file.ts";
import type { Source } from "../io/source.ts";
import type { RunOptions } from "./inputs.ts";
import type { JobStore, Outcome, UploadRecord } from "./job-store.ts";
import type { LedgerEntry } from "./ledger-entry.ts";

/** What a destination already has, and how that is known. */
export interface Existing {
  readonly url: string | null;
  readonly remoteId: string | null;
  readonly md5: string | null;
  /** What the host confirmed when it was uploaded from here; null when that is not known. */
  readonly verified: "md5" | "size" | null;
  readonly reason: "ledger" | "host" | "running";
}

export function skippedOutcome(existing: Existing, size: number): Outcome {
  return {
    ok: true,
    url: existing.url,
    remoteId: existing.remoteId,
    size,
    md5: existing.md5,
    verified: existing.verified,
    skipped: true,
    skipReason: existing.reason,
  };
}

/** The ledger's word: the same path, size and mtime went to the same destination before. */
export async function findInLedger(
  store: Pick<JobStore, "findDone">,
  key: Pick<UploadRecord, "accountKey" | "folder" | "source">,
): Promise<Existing | null> {
  return asExisting(await store.findDone(key));
}

interface Question {
  readonly store: JobStore;
  readonly entry: LedgerEntry;
  readonly session: HostSession;
  readonly source: Source;
  readonly options: Pick<RunOptions, "checksum">;
  readonly signal: AbortSignal;
}

/** With `--checksum` the ledger by content, then the host by name and size. */
export async function findExisting(question: Question, target: Target): Promise<Existing | null> {
  const { entry, session, source, options, signal } = question;
  const { record } = entry;
  if (source.size === null) return null;
  if (options.checksum && record.source.path !== "-") {
    const md5 = await hashFile(record.source.path, signal);
    const found = await question.store.findDoneByContent({ ...record, size: source.size, md5 });
    if (found !== null) return asExisting(found);
  }
  const onHost = await session.existing?.(target, source.size, signal);
  return onHost == null ? null : { ...onHost, md5: null, verified: null, reason: "host" };
}

function asExisting(found: UploadRecord | null): Existing | null {
  if (found?.outcome?.ok !== true) return null;
  const { url, remoteId, md5, verified } = found.outcome;
  return { url, remoteId, md5, verified, reason: "ledger" };
}
