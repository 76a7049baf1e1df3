import { posix } from "node:path";
import { AppError } from "../../errors.ts";
import type { Hook } from "./hook.ts";
import { isRelative, isWithin, plainPath, rewritePath } from "./paths.ts";
import type { FoundFile } from "./preset.ts";

/** A file as the sender and as this machine name it. */
export interface Located {
  /** As the sender wrote it: for the log, never for the sender. */
  readonly originalPath: string;
  /** Absolute and plain. Nobody has looked yet whether anything stands there. */
  readonly path: string;
}

/**
 * Where on this machine a file should be. Of several places the first within `roots` or `base` counts, else the first.
 * Fails with `source` when there is none.
 */
export function locate(hook: Pick<Hook, "rewrite" | "base" | "roots">, { paths }: Pick<FoundFile, "paths">): Located {
  const candidates = paths.flatMap((originalPath) => {
    const path = pathHere(hook, originalPath);
    return path === null ? [] : [{ originalPath, path }];
  });
  const folders = [...hook.roots, ...(hook.base === null ? [] : [hook.base])];
  const [first] = candidates;
  if (first === undefined) throw noPath();
  return candidates.find(({ path }) => folders.some((folder) => isWithin(path, folder))) ?? first;
}

export function noPath(): AppError {
  return new AppError("source", "the payload names no file that this machine could have");
}

function pathHere({ rewrite, base, roots }: Pick<Hook, "rewrite" | "base" | "roots">, sent: string): string | null {
  const plain = plainPath(sent);
  if (plain === null) return null;
  const path = rewritePath(plain, rewrite);
  const start = base ?? (roots.length === 1 ? roots[0] : undefined);
  const absolute = isRelative(path) && start !== undefined ? posix.join(start, path) : path;
  return posix.isAbsolute(absolute) && posix.basename(absolute) !== "" ? absolute : null;
}
