import { type BigIntStats, constants, type Dirent } from "node:fs";
import { access, lstat, readdir, stat } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import { AppError } from "../errors.ts";
import { cannotRead, notRegular } from "./cannot-read.ts";
import { type FileIdentity, identityOf } from "./source.ts";

/** A path looked at: what it holds, or why it cannot be uploaded. */
export type Looked =
  | { readonly kind: "file"; readonly path: string; readonly below: readonly string[]; readonly identity: FileIdentity }
  | { readonly kind: "directory"; readonly path: string }
  | {
      readonly kind: "failed";
      /** A directory that was found, but cannot be read; else what was to be a file. */
      readonly of: "file" | "directory";
      readonly path: string;
      readonly below: readonly string[];
      readonly error: AppError;
    };

/** Looks at a path without opening it; a symlink is followed. Never throws. */
export async function lookAt(path: string, below: readonly string[] = []): Promise<Looked> {
  try {
    const stats = await stat(path, { bigint: true });
    if (stats.isDirectory()) return { kind: "directory", path };
    if (!stats.isFile()) return { kind: "failed", of: "file", path, below, error: withPipeStep(path, stats) };
    await access(path, constants.R_OK);
    return { kind: "file", path, below, identity: identityOf(stats) };
  } catch (error) {
    return { kind: "failed", of: "file", path, below, error: notEncodable(path) ?? cannotRead(path, error) };
  }
}

/** A shell puts a pipe in the place of `<(command)`, too. */
function withPipeStep(path: string, stats: BigIntStats): AppError {
  const error = notRegular(path, stats);
  return stats.isFIFO()
    ? error.with({ hint: "put what it gives on standard input: … | hoist up - --name NAME" })
    : error;
}

/** Bun reads a name that is no UTF-8 with U+FFFD in it, and nothing of that name is found. */
function notEncodable(path: string): AppError | null {
  if (!path.includes("\uFFFD")) return null;
  return new AppError("source", `${path}: the name is no valid UTF-8`, { hint: "rename the file" });
}

/** Files of a directory that are looked at together: each look is a wait for the file system. */
const LOOKS_AT_ONCE = 32;

export interface WalkOptions {
  /** Folder parts under which the content of the directory appears. */
  readonly below: readonly string[];
  /** Told of what is passed over, one sentence each. */
  readonly note: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Everything below a directory, in the order of the names: hidden files too, symlinks to files followed, to directories
 * not; other special files are passed over with a note. A directory that cannot be read is one failed entry. Fails with
 * `cancelled` when the signal fires.
 */
export async function* walk(directory: string, { below, note, signal }: WalkOptions): AsyncGenerator<Looked> {
  let entries: Dirent[];
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (error) {
    const why = notEncodable(directory) ?? cannotRead(directory, error);
    yield { kind: "failed", of: "directory", path: directory, below, error: why };
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (let at = 0; at < entries.length; at += LOOKS_AT_ONCE) {
    const some = entries.slice(at, at + LOOKS_AT_ONCE);
    for (const entry of await Promise.all(some.map((each) => lookAtEntry(directory, each, below)))) {
      if (signal.aborted) throw new AppError("cancelled", `stopped while ${directory} was looked at`);
      if (entry.kind === "other") note(`${entry.path}: ${entry.what}, passed over`);
      else if (entry.kind !== "directory") yield entry;
      else yield* walk(entry.path, { below: [...below, basename(entry.path)], note, signal });
    }
  }
}

type Entry = Looked | { readonly kind: "other"; readonly path: string; readonly what: string };

async function lookAtEntry(directory: string, entry: Dirent, below: readonly string[]): Promise<Entry> {
  const path = join(directory, entry.name);
  const type = entry.isDirectory() ? "directory" : entry.isFile() ? "file" : await typeOf(path);
  if (type === "directory") return { kind: "directory", path };
  return type === "file" ? lookAt(path, below) : { kind: "other", path, what: type };
}

async function typeOf(path: string): Promise<"directory" | "file" | string> {
  const own = await lstat(path).catch(() => null);
  // What cannot be looked at fails by itself, with the file system's reason.
  if (own === null || own.isFile()) return "file";
  if (own.isDirectory()) return "directory";
  if (!own.isSymbolicLink()) return "not a regular file";
  const target = await stat(path).catch(() => null);
  if (target === null || target.isFile()) return "file";
  return target.isDirectory() ? "a link to a directory" : "not a regular file";
}

/**
 * Under which folder parts the content of a directory named on the command line appears: `t` → `t/…`, while `t/`,
 * `.`, `..` and `/` mean their content alone.
 */
export function folderPartsOf(typed: string): readonly string[] {
  const base = basename(typed);
  const contentAlone = typed.endsWith("/") || typed.endsWith(sep) || base === "." || base === ".." || base === "";
  return contentAlone ? [] : [base];
}
