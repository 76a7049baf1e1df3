import { SQLiteError } from "bun:sqlite";
import { AppError } from "../errors.ts";

type Words = readonly [message: string, hint: string];

const FULL: Words = [
  "the disk that holds the state directory is full",
  "make room there, or choose another directory with --state-dir",
];

/** What SQLite's primary result codes mean to a person. Codes missing here are bugs and stay what they are. */
const WORDS: Readonly<Record<string, Words>> = {
  BUSY: [
    "the state database is locked by another program",
    "close what else has hoist.db open (a backup, a database browser), then run this again",
  ],
  LOCKED: ["the state database is locked", "close what else has hoist.db open, then run this again"],
  FULL,
  IOERR: [
    "the state database cannot be read or written: the disk reports an error",
    "check the disk that holds the state directory, or choose another directory with --state-dir",
  ],
  CORRUPT: ["the state database is damaged", damagedHint()],
  NOTADB: ["the file hoist.db in the state directory is no database", damagedHint()],
  ERROR: ["the state database does not have the tables that hoist made", damagedHint()],
  READONLY: [
    "the state database is read-only",
    "make the state directory writable, or choose another one with --state-dir",
  ],
  PERM: [
    "the state database may not be used",
    "check who owns the state directory, or choose another with --state-dir",
  ],
  CANTOPEN: [
    "the state database cannot be opened",
    "check who owns the state directory and its files, or choose another one with --state-dir",
  ],
};

function damagedHint(): string {
  return "move hoist.db out of the state directory to start with an empty history, or choose another with --state-dir";
}

/** A write that the disk did not take: SQLite does not say whether for want of room. */
const UNWRITTEN: Words = [
  "the state database cannot be written: the disk that holds the state directory is full or reports an error",
  "make room there, check the disk, or choose another directory with --state-dir",
];

/** Growing a file fails with these, too, where SQLite does not say FULL. */
const MAY_BE_FULL: ReadonlySet<string> = new Set(["WRITE", "SHMSIZE", "SHMOPEN", "FSYNC", "TRUNCATE"]);

/** `SQLITE_IOERR_WRITE` → `IOERR`; null for anything that SQLite did not throw. */
function primaryCode(error: unknown): string | null {
  if (!(error instanceof SQLiteError)) return null;
  return /^SQLITE_([A-Z]+)/.exec(error.code ?? "")?.[1] ?? null;
}

/** Another connection holds the lock: the same call succeeds later. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === "BUSY" || code === "LOCKED";
}

function mayBeFull(error: unknown): boolean {
  const detail = error instanceof SQLiteError ? /^SQLITE_IOERR_([A-Z]+)/.exec(error.code ?? "")?.[1] : undefined;
  return detail !== undefined && MAY_BE_FULL.has(detail);
}

/** Failures of the database in words, with code `state`; anything else unchanged. */
export function storeFailure(error: unknown): unknown {
  const words = mayBeFull(error) ? UNWRITTEN : WORDS[primaryCode(error) ?? ""];
  if (words === undefined) return error;
  return new AppError("state", words[0], { hint: words[1], cause: error });
}

/** No room for the database's files. */
export function diskFull(cause: unknown): AppError {
  const [message, hint] = FULL;
  return new AppError("state", message, { hint, cause });
}

/** A row that hoist cannot have written. `what` names it without quoting its content. */
export function damagedRow(what: string, cause: unknown): AppError {
  return new AppError("state", `the state database is damaged: ${what} cannot be read`, {
    hint: damagedHint(),
    cause,
  });
}
