import type { BigIntStats } from "node:fs";
import { AppError } from "../errors.ts";

/** Why a path cannot be uploaded, from what the file system said. */
export function cannotRead(path: string, error: unknown): AppError {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  const why =
    code === "ENOENT" || code === "ENOTDIR"
      ? "no such file"
      : code === "EACCES" || code === "EPERM"
        ? "permission denied"
        : code === "ENXIO"
          ? "not a regular file"
          : code === "ENAMETOOLONG"
            ? "the path is too long"
            : code === "ELOOP"
              ? "too many levels of symbolic links"
              : `cannot be read (${code || "unknown"})`;
  return new AppError("source", `${path}: ${why}`, { cause: error });
}

export function notRegular(path: string, stats: Pick<BigIntStats, "isDirectory" | "isFIFO" | "isSocket">): AppError {
  const what = stats.isDirectory()
    ? "a directory"
    : stats.isFIFO()
      ? "a named pipe"
      : stats.isSocket()
        ? "a socket"
        : "a device";
  return new AppError("source", `${path}: is ${what}, not a regular file`);
}
