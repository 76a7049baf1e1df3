import { statSync } from "node:fs";

/** Notices when open files stand under their names no more: deleted, moved, or replaced by others. */
export interface SamePlace {
  /** From now on this is the file of that name. */
  remember(path: string): void;
  readonly lost: boolean;
}

export function samePlace(): SamePlace {
  const known = new Map<string, string | null>();
  return {
    remember: (path) => known.set(path, fileAt(path)),
    get lost() {
      for (const [path, file] of known) if (file !== fileAt(path)) return true;
      return false;
    },
  };
}

/** Two looks in a few microseconds, where the wait for a disk takes hundreds. Null: none that can be looked at. */
function fileAt(path: string): string | null {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? null : `${stats.dev}:${stats.ino}`;
  } catch {
    return null;
  }
}
