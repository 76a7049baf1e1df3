import type { Database } from "bun:sqlite";
import { AppError } from "../errors.ts";
import { SCHEMA_1, SCHEMA_2 } from "./schema.ts";

/** Step n takes a database of version n to n + 1. Steps are never changed, only added. */
const STEPS: readonly string[] = [SCHEMA_1, SCHEMA_2];

/**
 * Brings the database to this version's tables. Safe when several processes open a new directory at once. Fails with
 * `state` when a newer hoist has been here.
 */
export function migrate(db: Database): void {
  if (version(db) === STEPS.length) return;
  db.run("BEGIN EXCLUSIVE");
  try {
    // Another process may have been first while this one waited for the lock.
    for (const step of STEPS.slice(version(db))) db.run(step);
    db.run(`PRAGMA user_version = ${STEPS.length}`);
    db.run("COMMIT");
  } catch (error) {
    if (db.inTransaction) db.run("ROLLBACK");
    throw error;
  }
}

function version(db: Database): number {
  const row = db.query("PRAGMA user_version").get() as { user_version: number };
  if (row.user_version <= STEPS.length) return row.user_version;
  throw new AppError("state", "the state database was written by a newer version of hoist", {
    hint: "use that version, or choose another directory with --state-dir",
  });
}
