import { realpathSync, statSync } from "node:fs";
import { isUnder, lookUnder } from "../../io/safe-open.ts";
import type { RootVerdict } from "./trace.ts";

/**
 * What the server would say of a path, with the reason that it keeps from senders. `roots` as the hook has them.
 * `madeUp`: nothing need stand there.
 */
export function judgePath(path: string, roots: readonly string[], madeUp: boolean): RootVerdict {
  if (roots.length === 0) return { ok: false, why: "no roots are configured, so no file may be named" };
  const real = roots.map((root) => realPath(root) ?? root);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    if (!isUnder(path, [...real, ...roots])) return { ok: false, why: `not below ${roots.join(", ")}` };
    return madeUp ? { ok: true, why: "where this made-up file would be" } : { ok: false, why: "nothing stands there" };
  }
  if (!isUnder(realPath(path) ?? path, real)) return { ok: false, why: `not below ${roots.join(", ")}` };
  if (stats.isDirectory()) return { ok: true, why: "a directory: every file in it that may be read" };
  try {
    lookUnder(path, real);
    return { ok: true, why: "a regular file" };
  } catch {
    return { ok: false, why: stats.isFile() ? "a symlink, or not readable" : "no regular file" };
  }
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
