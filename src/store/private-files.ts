import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
} from "node:fs";
import { AppError } from "../errors.ts";
import { diskFull } from "./failure.ts";

export const DATABASE_FILE = "hoist.db";

const OTHERS = 0o077;

/**
 * Makes the directory, its parents too, for this user alone; takes rights of others away from an existing one, unless
 * it is somebody's for other things: then only the files in it are private.
 */
export function privateDirectory(path: string): void {
  guarded("state directory", path, () => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.W_OK | constants.X_OK);
    if ((statSync(path).mode & OTHERS) === 0) return;
    const content = readdirSync(path);
    if (content.length === 0 || content.includes(DATABASE_FILE)) chmodSync(path, 0o700);
  });
}

/** Makes an empty file for this user alone where there is none; takes rights of others away from an existing one. */
export function privateFile(path: string): void {
  guarded("state database", path, () => {
    const fd = openSync(path, "a", 0o600);
    try {
      if ((fstatSync(fd).mode & OTHERS) !== 0) fchmodSync(fd, 0o600);
    } finally {
      closeSync(fd);
    }
  });
}

/** Like `privateFile`, for a file that may be missing and is not made. */
export function privateIfThere(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || (found.mode & OTHERS) === 0) return;
  guarded("state database", path, () => chmodSync(path, 0o600));
}

const REASONS: Readonly<Record<string, string>> = {
  EPERM: "it belongs to somebody else",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a file stands in its path",
  EEXIST: "a file stands in its place",
  EISDIR: "a directory stands in its place",
};

const UNWRITABLE: ReadonlySet<string> = new Set(["EACCES", "EROFS"]);

function guarded(what: string, path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "ENOSPC") throw diskFull(error);
    const why = UNWRITABLE.has(code)
      ? `${path} cannot be ${existsSync(path) ? "written to" : "made"} (${code})`
      : `cannot be made private: ${REASONS[code] ?? (code || "unknown failure")}`;
    throw new AppError("state", `the ${what} ${why}`, {
      hint: "check who owns it and its rights, or choose another directory with --state-dir",
      cause: error,
    });
  }
}
