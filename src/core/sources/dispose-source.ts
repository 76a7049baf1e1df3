import type { BigIntStats } from "node:fs";
import { rm, stat, unlink } from "node:fs/promises";
import { isSameFile } from "../../io/same-file.ts";
import { identityOf } from "../../io/source.ts";
import type { RunOptions } from "../inputs.ts";
import type { JobStore, SourceRecord, UploadRecord } from "../job-store.ts";
import { movedTo, moveFile } from "./move-source.ts";

/**
 * Deletes or moves the source of an ended upload, once every destination of it is proven: sent and confirmed by the
 * host, now or (skipped by the ledger) before. A file that the host only has under the same name and of the same size
 * proves nothing, and a file that changed since stays. Returns a sentence when it had to be kept, null otherwise.
 */
export async function disposeOfSource(
  store: JobStore,
  ended: UploadRecord,
  after: RunOptions["after"],
): Promise<string | null> {
  const { source } = ended;
  if (after.do === "keep" || source.path === "-") return null;
  const siblings = await store.siblings(ended.id);
  if (siblings.length === 0 || !siblings.every(({ state }) => state === "done")) return null;
  if (!siblings.every(isProven)) return `${source.path} is kept: a host did not confirm what it holds`;
  try {
    const stats = await statOf(source.path);
    // Its destinations may end at the same time: the first has dealt with it then.
    if (stats === null) return null;
    const isAsSent = (sent: SourceRecord) => sent.size === source.size && sent.mtimeNs === source.mtimeNs;
    if (!siblings.every((sibling) => isAsSent(sibling.source)) || !isSameFile(source, identityOf(stats)))
      return `${source.path} is kept: it changed since it was sent`;
    const target = after.do === "move" ? movedTo(source.path, after) : null;
    if (after.do === "delete") await unlink(source.path);
    else if (target !== null) await moveFile(source.path, target);
    return null;
  } catch (error) {
    return `${source.path} is kept: ${whyKept(error)}`;
  }
}

function isProven({ outcome }: UploadRecord): boolean {
  return outcome?.ok === true && outcome.verified !== null;
}

/** Null where there is nothing. */
async function statOf(path: string): Promise<BigIntStats | null> {
  return stat(path, { bigint: true }).catch((error) => {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  });
}

/** Deletes a spooled file once no destination needs it any more: that every upload is past `needsNone`. */
export async function dropSpool(
  store: JobStore,
  ended: UploadRecord,
  needsNone: (upload: UploadRecord) => boolean,
): Promise<void> {
  const { spool } = ended.source;
  if (spool === null) return;
  const siblings = await store.siblings(ended.id);
  if (siblings.length > 0 && siblings.every(needsNone)) await rm(spool, { force: true });
}

/** Neither this run nor `resume` will ask for the copy of standard input again. */
export function isPastResume({ state, outcome }: UploadRecord): boolean {
  if (state === "done" || state === "cancelled") return true;
  return state === "failed" && outcome?.ok === false && !outcome.error.retryable;
}

function whyKept(error: unknown): string {
  const code = codeOf(error);
  return code === "EEXIST" ? "there is a file of that name already" : `the file system says ${code}`;
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown";
}
