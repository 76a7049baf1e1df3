import { Database } from "bun:sqlite";
import { closeSync, fsyncSync, linkSync, openSync, rmSync } from "node:fs";
import { migrate } from "./migrations.ts";
import { privateFile } from "./private-files.ts";

/**
 * Puts a database with all its tables at `path`, at once: made beside it, where nothing can be lost and nobody waits,
 * with one wait for the disk instead of one for each step. Makes none where another process was first, where there are
 * no hard links, or where anything else is wrong: opening it in its place then says what.
 */
export function createDatabase(path: string): void {
  const fresh = `${path}.new-${crypto.randomUUID()}`;
  privateFile(fresh);
  try {
    fill(fresh);
    sync(fresh);
    linkSync(fresh, path);
  } catch {
  } finally {
    for (const companion of ["", "-journal", "-wal", "-shm"]) rmSync(fresh + companion, { force: true });
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
