import type { FileIdentity } from "./source.ts";

/** A file as it was remembered; null: that part was not. */
export interface RememberedFile {
  readonly size: number | null;
  readonly mtimeNs: string | null;
  /** As in `FileIdentity`; device 0: only the inode number counts. */
  readonly inode: string | null;
}

/** Whether a file is, as far as can be told without reading it, the one that was remembered. */
export function isSameFile(known: RememberedFile, now: FileIdentity): boolean {
  return known.size === now.size && known.mtimeNs === now.mtimeNs && isSameInode(known.inode, now.inode);
}

/** What is another about a file than was remembered, for people; null: nothing that was. */
export function whatChanged(known: RememberedFile, now: FileIdentity): string | null {
  if (known.inode !== null && !isSameInode(known.inode, now.inode)) return "another file has taken its name";
  if (known.size !== null && known.size !== now.size) {
    return `its size changed from ${known.size} to ${now.size} bytes`;
  }
  if (known.mtimeNs !== null && known.mtimeNs !== now.mtimeNs) return "its modification time changed";
  return null;
}

function isSameInode(known: string | null, now: string): boolean {
  return known === now || (known?.startsWith("0:") === true && known.slice(2) === now.slice(now.indexOf(":") + 1));
}
