import { Database, type Statement } from "bun:sqlite";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { createDatabase } from "./create-database.ts";
import { storeFailure } from "./failure.ts";
import { migrate } from "./migrations.ts";
import { DATABASE_FILE, privateDirectory, privateFile, privateIfThere } from "./private-files.ts";

/** Opening may wait this long for other processes that open the same directory, in milliseconds. */
const OPEN_PATIENCE_MS = 10_000;

/** A database, its path (null: in memory), and the log whose sync makes its commits last; null where SQLite sees to that, or nothing lasts. */
export interface Connection {
  readonly db: Database;
  readonly path: string | null;
  readonly log: string | null;
}

/** Opens the database with this version's tables; null is one in memory. Fails with `state`. */
export function connect(directory: string | null): Connection {
  const path = directory === null ? ":memory:" : join(directory, DATABASE_FILE);
  if (directory !== null) {
    privateDirectory(directory);
    createDatabase(path);
    // SQLite gives its companions the mode of the database.
    privateFile(path);
    privateIfThere(logOf(path));
    privateIfThere(`${realpathSync(path)}-shm`);
  }
  let db: Database | undefined;
  try {
    db = new Database(path, { create: true, readwrite: true, strict: true });
    db.run(`PRAGMA busy_timeout = ${OPEN_PATIENCE_MS}`);
    db.run("PRAGMA foreign_keys = ON");
    db.run("PRAGMA synchronous = FULL");
    // No other directory must be writable.
    db.run("PRAGMA temp_store = MEMORY");
    migrate(db);
    return {
      db,
      path: directory === null ? null : path,
      log: directory !== null && writesAhead(db) ? logOf(path) : null,
    };
  } catch (error) {
    db?.close();
    throw storeFailure(error);
  }
}

/** Beside the file itself, also where the path is a link to it. */
function logOf(path: string): string {
  return `${realpathSync(path)}-wal`;
}

/**
 * Whether the database has a write-ahead log, which its file system may not allow. With one SQLite only keeps its
 * order (NORMAL), and the log is synced apart from that.
 */
function writesAhead(db: Database): boolean {
  using pragma = db.prepare<{ journal_mode: string }, []>("PRAGMA journal_mode = WAL");
  if (pragma.get()?.journal_mode !== "wal") return false;
  db.run("PRAGMA synchronous = NORMAL");
  return true;
}

export type Bindings = Record<string, string | number | null>;

/**
 * Prepared statements by their text; each is prepared once. SQLite compiles a statement anew, for ten times the cost of
 * running it, when its planner has looked at a bound value and that value changes; behind a plus sign it does not look.
 */
export interface Statements {
  <Row>(text: string): Statement<Row, [Bindings]>;
  finalize(): void;
}

export function statements(db: Database): Statements {
  const prepared = new Map<string, Statement<unknown, [Bindings]>>();
  const sql = <Row>(text: string): Statement<Row, [Bindings]> => {
    let statement = prepared.get(text);
    if (statement === undefined) {
      statement = db.prepare<unknown, [Bindings]>(text.replaceAll("$", "+$"));
      prepared.set(text, statement);
    }
    return statement as Statement<Row, [Bindings]>;
  };
  return Object.assign(sql, {
    finalize: () => {
      for (const statement of prepared.values()) statement.finalize();
      prepared.clear();
    },
  });
}
