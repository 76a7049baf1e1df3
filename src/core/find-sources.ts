import { basename, relative, resolve } from "node:path";
import { AppError } from "../errors.ts";
import type { FileIdentity } from "../io/source.ts";
import { folderPartsOf, type Looked, lookAt, walk } from "../io/walk.ts";
import type { UpInput } from "./inputs.ts";

/** A file (or stdin) to upload, or the reason why it cannot be. */
export interface FoundSource {
  /** Absolute; "-" for stdin. */
  readonly path: string;
  /** Folder parts below the destination. */
  readonly below: readonly string[];
  /** Null for stdin, and where `error` is set. */
  readonly identity: FileIdentity | null;
  readonly error: AppError | null;
}

type Found = Exclude<Looked, { kind: "directory" }>;

export interface FindOptions {
  /** Paths of `--files-from`, already separated. */
  readonly listed: AsyncIterable<string>;
  readonly note: (text: string) => void;
  /** Milliseconds since the epoch, for `--min-age`. */
  readonly now: () => number;
  /** Ends the search with `cancelled`. */
  readonly signal: AbortSignal;
}

/**
 * What the sources of an input stand for, in order: those named, then those listed. Filters hold for what a walk or
 * a list finds, never for a file named by hand. Fails with `usage` on a directory without `-r`.
 */
export async function* findSources(input: UpInput, options: FindOptions): AsyncGenerator<FoundSource> {
  const { listed, note, now, signal } = options;
  const keep = createFilter(input.filters, now);
  for (const typed of input.sources) {
    if (typed === "-") yield { path: "-", below: [], identity: null, error: null };
    else yield* expand(typed, () => true);
  }
  for await (const typed of listed) yield* expand(typed, (looked) => keep(typed.replace(/^(?:\.?\/+)+/, ""), looked));

  async function* expand(typed: string, wanted: (looked: Found) => boolean): AsyncGenerator<FoundSource> {
    if (signal.aborted) throw new AppError("cancelled", "stopped before everything was looked at");
    const path = resolve(typed);
    const looked = typed === "" ? emptyPath() : await lookAt(path);
    if (looked.kind !== "directory") {
      if (wanted(looked)) yield found(looked);
      return;
    }
    if (!input.recursive) {
      throw new AppError("usage", `${typed} is a directory`, { hint: "upload what is in it with -r" });
    }
    for await (const entry of walk(path, { below: folderPartsOf(typed), note, signal })) {
      if (entry.kind === "directory") continue;
      if (keep(relative(path, entry.path), entry)) yield found(entry);
    }
  }
}

function emptyPath(): Looked {
  return {
    kind: "failed",
    of: "file",
    path: "",
    below: [],
    error: new AppError("source", "a source is an empty path"),
  };
}

function found(looked: Found): FoundSource {
  return {
    path: looked.path,
    below: looked.below,
    identity: looked.kind === "file" ? looked.identity : null,
    error: looked.kind === "failed" ? looked.error : null,
  };
}

/**
 * Excludes win; without includes everything is included. A glob without `/` is for the base name, at any depth. What
 * cannot be looked at is judged by its name alone; a directory that cannot be read may hold anything.
 */
function createFilter(filters: UpInput["filters"], now: () => number): (path: string, looked: Found) => boolean {
  const include = filters.include.map(compileGlob);
  const exclude = filters.exclude.map(compileGlob);
  const { minSize, maxSize, minAgeMs } = filters;
  return (path, looked) => {
    if (looked.kind === "failed" && looked.of === "directory") return true;
    if (exclude.some((matches) => matches(path))) return false;
    if (include.length > 0 && !include.some((matches) => matches(path))) return false;
    if (looked.kind === "failed") return true;
    const { size, mtimeNs } = looked.identity;
    if (minSize !== null && size < minSize) return false;
    if (maxSize !== null && size > maxSize) return false;
    return minAgeMs === null || now() - Number(BigInt(mtimeNs) / 1_000_000n) >= minAgeMs;
  };
}

function compileGlob(pattern: string): (path: string) => boolean {
  const glob = new Bun.Glob(pattern.replace(/^\//, ""));
  return pattern.includes("/") ? (path) => glob.match(path) : (path) => glob.match(basename(path));
}
