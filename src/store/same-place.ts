import { statSync } from "node:fs";

/** Notices when open files stand under their names no more: deleted, moved, or replaced by others. */
export interface SamePlace {
  /** From now on this is the file of that name. */
  remember(path: string): void;
  readonly lost: boolean;
}

/** As in node:fs. */
export type Stat = (path: string) => { readonly dev: number; readonly ino: number };

export function samePlace(stat: Stat = statSync): SamePlace {
  const known = new Map<string, string>();
  return {
    remember(path) {
      const file = fileAt(path, stat);
      if (file !== null) known.set(path, file);
    },
    get lost() {
      for (const [path, file] of known) if (file !== (fileAt(path, stat) ?? file)) return true;
      return false;
    },
  };
}

const GONE = "gone";
const NOTHING_THERE: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

/**
 * Two looks in a few microseconds, where the wait for a disk takes hundreds. Null: it cannot be looked at now (rights
 * taken away, a server that does not answer), which says nothing of the file.
 */
function fileAt(path: string, stat: Stat): string | null {
  try {
    const { dev, ino } = stat(path);
    return `${dev}:${ino}`;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return NOTHING_THERE.has(code) ? GONE : null;
  }
}
