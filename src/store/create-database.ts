import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { databaseImage } from "./database-image.ts" with { type: "macro" };
import { privateFile } from "./private-files.ts";

/**
 * Puts a database with all its tables at `path`, at once: written beside it, where nothing can be lost and nobody
 * waits, with one wait for the disk. Makes none where another process was first, where there are no hard links, or
 * where anything else is wrong: opening it in its place then says what.
 */
export function createDatabase(path: string): void {
  removeLeftovers(path);
  // SQLite throws the companions of a lost database away when a new one is made in its place.
  if (["", ...COMPANIONS].some((companion) => existsSync(path + companion))) return;
  const fresh = `${path}${NEW}${crypto.randomUUID()}`;
  privateFile(fresh);
  try {
    fill(fresh);
    linkSync(fresh, path);
  } catch {
  } finally {
    discard(fresh);
  }
}

/** Not by `rmSync`, which takes a short upload 2 ms. Another process may have taken it for left over meanwhile. */
function discard(fresh: string): void {
  try {
    unlinkSync(fresh);
  } catch {}
}

const COMPANIONS = ["-journal", "-wal", "-shm"];
const NEW = ".new-";
/** Nobody takes longer to make one. */
const LEFT_AFTER_MS = 60_000;

/** What a process has left that died while it made one, as far as that can be seen and is ours: it only takes room. */
function removeLeftovers(path: string): void {
  const directory = dirname(path);
  try {
    for (const name of readdirSync(directory)) {
      if (!name.startsWith(`${basename(path)}${NEW}`)) continue;
      const left = join(directory, name);
      const age = Date.now() - (statSync(left, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > LEFT_AFTER_MS) rmSync(left, { force: true });
    }
  } catch {}
}

/** Durable when it returns. */
function fill(path: string): void {
  const fd = openSync(path, "r+");
  try {
    writeFileSync(fd, Bun.gunzipSync(Buffer.from(databaseImage(), "base64")));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
