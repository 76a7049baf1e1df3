import { statfsSync } from "node:fs";

/**
 * File systems without inode numbers, by their type in Linux' `statfs`: FAT and exFAT. The numbers that the system makes
 * up for their files are others after each mount, and when it was short of memory.
 */
const WITHOUT: ReadonlySet<number> = new Set([0x4d44, 0x2011bab0]);

/** Whether a file's inode number says that it is the same file as before. */
export function keepsInodeNumbers(path: string, typeOf = typeOfFileSystem): boolean {
  return process.platform !== "linux" || !WITHOUT.has(typeOf(path) ?? 0);
}

function typeOfFileSystem(path: string): number | null {
  try {
    return statfsSync(path).type;
  } catch {
    return null;
  }
}
