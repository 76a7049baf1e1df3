import { constants } from "node:fs";
import { copyFile, mkdir, rename, stat, unlink, utimes } from "node:fs/promises";
import { basename, join } from "node:path";
import { identityOf } from "../io/source.ts";
import type { RunOptions } from "./inputs.ts";
import type { JobStore, SourceRecord, UploadRecord } from "./job-store.ts";

/**
 * Deletes or moves the source of an ended upload, once every destination of it is proven: done and verified by the
 * host, or skipped because ledger or host has it. A file that changed since stays. Returns a sentence when it had
 * to be kept, null otherwise.
 */
export async function disposeOfSource(
  store: JobStore,
  ended: UploadRecord,
  after: RunOptions["after"],
): Promise<string | null> {
  const { source } = ended;
  if (after.do === "keep" || source.path === "-") return null;
  const siblings = await store.siblings(ended.id);
  if (!siblings.every(({ state }) => state === "done")) return null;
  if (!siblings.every(isProven)) return `${source.path} is kept: a host did not confirm what it holds`;
  if (!(await isUnchanged(source))) return `${source.path} is kept: it changed since it was sent`;
  try {
    if (after.do === "delete") await unlink(source.path);
    else await moveInto(source.path, after.directory);
    return null;
  } catch (error) {
    return `${source.path} is kept: ${whyKept(error)}`;
  }
}

function isProven({ outcome }: UploadRecord): boolean {
  if (outcome?.ok !== true) return false;
  return outcome.skipped ? outcome.skipReason !== "running" : outcome.verified !== null;
}

async function isUnchanged({ path, size, mtimeNs, inode }: SourceRecord): Promise<boolean> {
  const stats = await stat(path, { bigint: true }).catch(() => null);
  if (stats === null) return false;
  const now = identityOf(stats);
  return now.size === size && now.mtimeNs === mtimeNs && now.inode === inode;
}

/** Never overwrites: fails with EEXIST. Across file systems it copies, keeps the times, then unlinks. */
async function moveInto(path: string, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const target = join(directory, basename(path));
  if ((await stat(target).catch(() => null)) !== null) throw Object.assign(new Error(), { code: "EEXIST" });
  try {
    await rename(path, target);
  } catch (error) {
    if (codeOf(error) !== "EXDEV") throw error;
    const { atime, mtime } = await stat(path);
    await copyFile(path, target, constants.COPYFILE_EXCL);
    await utimes(target, atime, mtime);
    await unlink(path);
  }
}

function whyKept(error: unknown): string {
  const code = codeOf(error);
  return code === "EEXIST" ? "there is a file of that name already" : `the file system says ${code}`;
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown";
}
