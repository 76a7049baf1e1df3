import { constants } from "node:fs";
import { copyFile, link, mkdir, rename, rm, stat, unlink, utimes } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { isUnder } from "../../io/safe-open.ts";
import type { RunOptions } from "../inputs.ts";

type Move = Extract<RunOptions["after"], { do: "move" }>;

/** Where `--after move:DIR` puts a file: below a directory that was walked as it stood there. Null: it is in DIR already. */
export function movedTo(path: string, { directory, trees = [] }: Move): string | null {
  if (isUnder(path, [directory])) return null;
  const tree = trees.find(({ root }) => isUnder(path, [root]));
  if (tree === undefined) return join(directory, basename(path));
  return join(directory, ...tree.below, relative(tree.root, path));
}

/**
 * Moves a file and overwrites none, whoever else puts one there meanwhile: fails with EEXIST. Across file systems it
 * copies, keeps the times, then unlinks.
 */
export async function moveFile(path: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  try {
    await link(path, target);
  } catch (error) {
    if (isCode(error, "EEXIST")) throw error;
    if (isCode(error, "EXDEV")) await copyOver(path, target);
    else await renameTo(path, target);
    return;
  }
  await unlinkFor(path, target);
}

/** Some file systems have no links, and some users may not make any. */
async function renameTo(path: string, target: string): Promise<void> {
  if ((await stat(target).catch(() => null)) !== null) throw Object.assign(new Error(), { code: "EEXIST" });
  await rename(path, target);
}

async function copyOver(path: string, target: string): Promise<void> {
  try {
    await copyFile(path, target, constants.COPYFILE_EXCL);
    const { atime, mtime } = await stat(path);
    await utimes(target, atime, mtime);
  } catch (error) {
    // Half a file would keep the whole one from being moved later.
    if (!isCode(error, "EEXIST")) await rm(target, { force: true });
    throw error;
  }
  await unlinkFor(path, target);
}

/** What cannot be taken away stays where it was, and there alone. */
async function unlinkFor(path: string, target: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
