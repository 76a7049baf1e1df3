import { basename, relative, resolve } from "node:path";
import { AppError } from "../../errors.ts";
import type { FileIdentity } from "../../io/source.ts";
import { folderPartsOf, type Looked, lookAt, walk } from "../../io/walk.ts";
import type { UpInput } from "../inputs.ts";
import { whyNoStdin } from "./closed-stdin.ts";

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
/** Whether a path, as typed, listed or found below a directory, is wanted. */
type Filter = (typed: string, looked: Found) => boolean;

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
 * a list finds, never for a file named by hand, which is said. Fails with `usage` on a directory without `-r`.
 */
export async function* findSources(input: UpInput, options: FindOptions): AsyncGenerator<FoundSource> {
  const { listed, note, now, signal } = options;
  const keep = createFilter(input.filters, now);
  let told = false;
  const keepNamed: Filter = (typed, looked) => {
    if (!told && !keep(typed, looked)) {
      note(`${typed} is named by hand, so that the filters do not hold for it`);
      told = true;
    }
    return true;
  };
  if (isFiltered(input) && !input.recursive && input.filesFrom === null) {
    note("the filters have no effect: they are about what -r and --files-from find, and neither is given");
    told = true;
  }
  for (const typed of input.sources) {
    if (typed === "-") yield { path: "-", below: [], identity: null, error: whyNoStdin() };
    else yield* expand(typed, keepNamed);
  }
  for await (const typed of listed) yield* expand(typed, keep);

  async function* expand(typed: string, wanted: Filter): AsyncGenerator<FoundSource> {
    if (signal.aborted) throw new AppError("cancelled", "stopped before everything was looked at");
    const path = resolve(typed);
    const looked = typed === "" ? emptyPath() : await lookAt(path);
    if (looked.kind !== "directory") {
      if (wanted(typed, looked)) yield found(looked);
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
    error: new AppError("source", "the file's name is empty", { hint: "it may come from a variable that is not set" }),
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

function isFiltered({ filters }: UpInput): boolean {
  return Object.values(filters).some((filter) => (Array.isArray(filter) ? filter.length > 0 : filter !== null));
}

/**
 * Excludes win; without includes everything is included. A glob without `/` is for the base name, at any depth. What
 * cannot be looked at is judged by its name alone; a directory that cannot be read may hold anything.
 */
function createFilter(filters: UpInput["filters"], now: () => number): Filter {
  const include = filters.include.map(compileGlob);
  const exclude = filters.exclude.map(compileGlob);
  const { minSize, maxSize, minAgeMs } = filters;
  return (typed, looked) => {
    const path = typed.replace(/^(?:\.?\/+)+/, "");
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

/** `cache/` is a directory of that name, at any depth, with all that is in it; `a/cache/` that one alone. */
function compileGlob(typed: string): (path: string) => boolean {
  const pattern = typed.endsWith("/") ? `${typed.slice(0, -1).includes("/") ? "" : "**/"}${typed}**` : typed;
  const glob = new Bun.Glob(pattern.replace(/^\//, ""));
  return pattern.includes("/") ? (path) => glob.match(path) : (path) => glob.match(basename(path));
}
