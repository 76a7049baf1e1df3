import { posix } from "node:path";

/** Bytes; Linux opens nothing longer. */
const LONGEST_PATH = 4096;

const DRIVE = /^[A-Za-z]:(?:[\\/]|$)/;

/**
 * A path as its sender wrote it, made plain: no `.`, `..`, doubled or trailing `/`; a Windows path with `/` for `\`.
 * Null when no file can have it.
 */
export function plainPath(sent: string): string | null {
  if (sent === "" || sent.includes("\0") || Buffer.byteLength(sent) > LONGEST_PATH) return null;
  const windows = DRIVE.test(sent) || sent.startsWith("\\\\");
  const plain = posix.normalize(windows ? sent.replaceAll("\\", "/") : sent);
  return plain.length > 1 ? plain.replace(/\/$/, "") : plain;
}

/** The sender's prefix and this machine's, both plain. */
export interface Rewrite {
  readonly from: string;
  readonly to: string;
}

/** Prefixes end where a path's part does. Of several the longest counts; `.` stands for every relative path. */
export function rewritePath(path: string, rules: readonly Rewrite[]): string {
  let best: { readonly to: string; readonly rest: string; readonly length: number } | null = null;
  for (const { from, to } of rules) {
    const rest = below(path, from);
    if (rest !== null && (best === null || from.length > best.length)) best = { to, rest, length: from.length };
  }
  return best === null ? path : posix.join(best.to, best.rest);
}

/** What of `path` stands below `prefix`; null when it does not. Drives are compared as Windows does. */
function below(path: string, prefix: string): string | null {
  if (prefix === ".") return isRelative(path) ? path : null;
  const [one, other] = DRIVE.test(prefix) ? [path.toLowerCase(), prefix.toLowerCase()] : [path, prefix];
  if (one === other) return "";
  return one.startsWith(other.endsWith("/") ? other : `${other}/`) ? path.slice(prefix.length) : null;
}

export function isRelative(path: string): boolean {
  return !posix.isAbsolute(path) && !DRIVE.test(path);
}

/** Whether `path` is `folder` or below it, by name alone. */
export function isWithin(path: string, folder: string): boolean {
  return below(path, folder) !== null;
}

/** The directories between `base` and the file; none when it does not stand below `base`. */
export function directoriesBelow(base: string, path: string): readonly string[] {
  const rest = below(posix.dirname(path), base);
  return rest === null ? [] : rest.split("/").filter((part) => part !== "");
}
