import { Database } from "bun:sqlite";
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { migrate } from "./migrations.ts";
import { privateFile } from "./private-files.ts";

/**
 * Puts a database with all its tables at `path`, at once: made beside it, where nothing can be lost and nobody waits,
 * with one wait for the disk instead of one for each step. Makes none where another process was first, where there are
 * no hard links, or where anything else is wrong: opening it in its place then says what.
 */
export function createDatabase(path: string): void {
  removeLeftovers(path);
  // SQLite throws the companions of a lost database away when a new one is made in its place.
  if (["", ...COMPANIONS].some((companion) => existsSync(path + companion))) return;
  const fresh = `${path}${NEW}${crypto.randomUUID()}`;
  privateFile(fresh);
  try {
    fill(fresh);
    sync(fresh);
    linkSync(fresh, path);
  } catch {
  } finally {
    for (const companion of ["", ...COMPANIONS]) rmSync(fresh + companion, { force: true });
  }
}

const COMPANIONS = ["-journal", "-wal", "-shm"];
const NEW = ".new-";
/** Nobody takes longer to make one. */
const LEFT_AFTER_MS = 60_000;

/** What a process has left that died while it made one. */
function removeLeftovers(path: string): void {
  const directory = dirname(path);
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(`${basename(path)}${NEW}`)) continue;
    const left = join(directory, name);
    const age = Date.now() - (statSync(left, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > LEFT_AFTER_MS) rmSync(left, { force: true });
  }
}

function fill(path: string): void {
  const db = new Database(path, { create: false, readwrite: true, strict: true });
  try {
    db.run("PRAGMA synchronous = OFF");
    migrate(db);
    db.run("PRAGMA journal_mode = WAL");
  } finally {
    db.close();
  }
}

function sync(path: string): void {
  const fd = openSync(path, "r+");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
