import { Database, type Statement } from "bun:sqlite";
import { join } from "node:path";
import { storeFailure } from "./failure.ts";
import { migrate } from "./migrations.ts";
import { DATABASE_FILE, privateDirectory, privateFile, privateIfThere } from "./private-files.ts";

/** Opening may wait this long for other processes that open the same directory, in milliseconds. */
const OPEN_PATIENCE_MS = 10_000;

/** Opens the database with this version's tables; null is one in memory. Fails with `state`. */
export function connect(directory: string | null): Database {
  if (directory !== null) {
    privateDirectory(directory);
    const path = join(directory, DATABASE_FILE);
    // SQLite gives its companions the mode of the database.
    privateFile(path);
    privateIfThere(`${path}-wal`);
    privateIfThere(`${path}-shm`);
  }
  let db: Database | undefined;
  try {
    const path = directory === null ? ":memory:" : join(directory, DATABASE_FILE);
    db = new Database(path, { create: true, readwrite: true, strict: true });
    db.run(`PRAGMA busy_timeout = ${OPEN_PATIENCE_MS}`);
    db.run("PRAGMA foreign_keys = ON");
    db.run("PRAGMA synchronous = FULL");
    // No other directory must be writable.
    db.run("PRAGMA temp_store = MEMORY");
    migrate(db);
    if (directory !== null) db.run("PRAGMA journal_mode = WAL");
    return db;
  } catch (error) {
    db?.close();
    throw storeFailure(error);
  }
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
