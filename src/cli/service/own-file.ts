import { createHash, randomUUID } from "node:crypto";
import { lstat, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "../../errors.ts";

/** What stands in a place: nothing, a file as it was written here, one that was changed since, or somebody's. */
export type Standing = "nothing" | "ours" | "changed" | "foreign";

const MARK = /\bhoist service install wrote this; checksum ([0-9a-f]{16})\b/;
const NO_SUM = "0".repeat(16);

/** The text with a first line, a comment, by which the file is known again. `before` may have to stand above it. */
export function sealed(text: string, comment: (words: string) => string, before = ""): string {
  const open_ = `${before}${comment(`hoist service install wrote this; checksum ${NO_SUM}`)}\n${text}`;
  return open_.replace(NO_SUM, checksum(open_));
}

export async function standingAt(path: string): Promise<Standing> {
  try {
    const found = await lstat(path);
    return found.isFile() ? standingOf(await readFile(path, "utf8")) : "foreign";
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return "nothing";
    throw cannot("read", path, error);
  }
}

/** All or nothing, readable by everybody: it holds no secret. Fails with `state`. */
export async function writeOwn(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    try {
      await using file = await open(temporary, "wx", 0o644);
      // What can be read by nobody but its writer is of no use to the service manager.
      await file.chmod(0o644);
      await file.writeFile(text);
      await file.sync();
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  } catch (error) {
    throw cannot("written", path, error);
  }
}

/** Fails with `state`. */
export async function removeOwn(path: string): Promise<void> {
  await rm(path).catch((error: unknown) => {
    throw cannot("removed", path, error);
  });
}

function standingOf(text: string): Standing {
  const sum = MARK.exec(text)?.[1];
  if (sum === undefined) return "foreign";
  return checksum(text.replace(sum, NO_SUM)) === sum ? "ours" : "changed";
}

function checksum(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, NO_SUM.length);
}

function cannot(what: "read" | "written" | "removed", path: string, error: unknown): AppError {
  const code = codeOf(error);
  const denied = code === "EACCES" || code === "EPERM";
  return new AppError("state", `${path} cannot be ${what} (${code})`, {
    hint: denied ? "services of the whole machine need root: sudo; --user makes one of your own" : undefined,
    cause: error,
  });
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown";
}
