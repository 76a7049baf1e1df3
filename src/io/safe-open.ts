import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { AppError } from "../errors.ts";
import { type FileIdentity, type FileSource, identityOf, openWith, type SourceOptions } from "./source.ts";

/**
 * Opens a regular file for a caller that may name files below certain directories only, and judges what was opened
 * rather than the path, which another process may change at any moment. The file itself may not be a symlink. Absolute
 * `roots`, symlinks resolved. Fails with `source`, with one sentence for every cause: a caller learns nothing of files
 * it may not name.
 */
export function openUnder(path: string, roots: readonly string[], options: SourceOptions): FileSource {
  return openWith(path, () => openJudged(path, roots).descriptor, options);
}

/** What `openUnder` would open. Fails as it does. */
export function lookUnder(path: string, roots: readonly string[]): FileIdentity {
  const { descriptor, stats } = openJudged(path, roots);
  closeSync(descriptor);
  return identityOf(stats);
}

function openJudged(
  path: string,
  roots: readonly string[],
): { readonly descriptor: number; readonly stats: BigIntStats } {
  const descriptor = openQuietly(path);
  try {
    const stats = fstatSync(descriptor, { bigint: true });
    if (!stats.isFile() || !isUnder(realPathOf(descriptor, path), roots)) throw notAllowed();
    return { descriptor, stats };
  } catch (error) {
    closeSync(descriptor);
    throw error instanceof AppError ? error : notAllowed();
  }
}

/** Whether an absolute path is one of the directories or lies below one. */
export function isUnder(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(root === "/" ? "/" : `${root}/`));
}

export function notAllowed(): AppError {
  return new AppError("source", "the path is not there, not readable, or not below a directory that may be uploaded", {
    hint: "see roots in the server's configuration; its log names the path",
  });
}

function openQuietly(path: string): number {
  try {
    // NONBLOCK: a named pipe must not make the server wait for its writer.
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    throw notAllowed();
  }
}

/** Where the opened file stands. Off Linux there is only a look at the path again: the same file must be there. */
function realPathOf(descriptor: number, path: string): string {
  if (process.platform === "linux") return readlinkSync(`/proc/self/fd/${descriptor}`);
  const real = join(realpathSync(dirname(path)), basename(path));
  const there = identityOf(statSync(real, { bigint: true })).inode;
  if (there !== identityOf(fstatSync(descriptor, { bigint: true })).inode) throw notAllowed();
  return real;
}
