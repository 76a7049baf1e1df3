import { basename } from "node:path";
import { AppError, errorView } from "../../errors.ts";
import { readList } from "../../io/read-list.ts";
import type { Account } from "../accounts/account.ts";
import type { UpInput } from "../inputs.ts";
import { createDuplicates } from "../sources/duplicates.ts";
import { type FoundSource, findSources } from "../sources/find-sources.ts";
import type { PlanView } from "../views.ts";
import { assertResumable, type Destination, joinFolder, parseDestinations } from "./destinations.ts";
import { assertPart, compileName, type NameTemplate } from "./names.ts";

/** One source at one destination, looked at and named. */
export interface PlannedUpload {
  readonly sourceIndex: number;
  readonly destinationIndex: number;
  readonly source: FoundSource;
  readonly account: Account;
  readonly folder: string | null;
  readonly name: string;
  /** Why the upload cannot be tried; no call is made then. */
  readonly error: AppError | null;
}

export interface Plan {
  readonly destinations: readonly Destination[];
  /** Source order, then destination order. Fails with `usage` on the way: nothing may start before its end. */
  uploads(): AsyncIterable<PlannedUpload>;
}

export interface PlanOptions {
  readonly accounts: ReadonlyMap<string, Account>;
  readonly note: (text: string) => void;
  /** Ends a long walk, or the wait for a list, with `cancelled`. */
  readonly signal: AbortSignal;
}

/** Checks what can be checked without looking at a file. Fails with `usage`. */
export function createPlan(input: UpInput, options: PlanOptions): Plan {
  const destinations = parseDestinations(input.to, options.accounts);
  assertResumable(destinations, input.run.resumable);
  const name = input.name === null ? null : compileName(input.name);
  assertStdin(input);
  return { destinations, uploads: () => planUploads(input, destinations, name, options) };
}

function assertStdin(input: UpInput): void {
  const readers = input.sources.filter((source) => source === "-").length + (input.filesFrom?.path === "-" ? 1 : 0);
  if (readers > 1) throw new AppError("usage", "standard input can be read only once");
  if (input.sources.includes("-") && input.name === null) {
    throw new AppError("usage", "standard input has no name", { hint: "give it one with --name" });
  }
  if (input.sources.length === 0 && input.filesFrom === null) {
    throw new AppError("usage", "nothing to upload", { hint: "name files, or - for standard input" });
  }
}

async function* planUploads(
  input: UpInput,
  destinations: readonly Destination[],
  template: NameTemplate | null,
  { note, signal }: PlanOptions,
): AsyncGenerator<PlannedUpload> {
  const list = input.filesFrom;
  const listed = list === null ? nothing() : readList(list.path, list.separator, signal);
  const now = new Date();
  const duplicates = createDuplicates(input, note);
  let sourceIndex = 0;
  for await (const source of findSources(input, { listed, note, now: () => Date.now(), signal })) {
    const folders = destinations.map(({ folder }) => (folder === null ? null : joinFolder(folder, source.below)));
    const fresh = duplicates.fresh(source, folders);
    if (!fresh.includes(true)) continue;
    if (sourceIndex === 1 && template !== null && !template.varies) {
      throw new AppError("usage", "several files cannot have one name", {
        hint: "vary it with {name}, {stem}, {ext} or {n}",
      });
    }
    const base = source.path === "-" ? "stdin" : basename(source.path);
    const name = template === null ? base : template.render({ base, number: sourceIndex + 1, now });
    const badName = source.error ?? namingProblem(name, source);
    const badFolder = badName ?? folderProblem(source);
    for (const [destinationIndex, { account }] of destinations.entries()) {
      if (fresh[destinationIndex] !== true) continue;
      const folder = folders[destinationIndex] ?? null;
      const error = folder === null ? badName : badFolder;
      yield { sourceIndex, destinationIndex, source, account, folder, name, error };
    }
    sourceIndex += 1;
  }
  duplicates.finish();
  if (sourceIndex === 0) note("nothing was found to upload");
}

async function* nothing(): AsyncGenerator<string> {}

function namingProblem(name: string, { path }: FoundSource): AppError | null {
  return problemOf(() => assertPart(name, "source", `${path}: the name`));
}

function folderProblem({ path, below }: FoundSource): AppError | null {
  return problemOf(() => {
    for (const part of below) assertPart(part, "source", `${path}: a folder's name`);
  });
}

function problemOf(check: () => void): AppError | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

export function planView({ source, account, folder, name, error }: PlannedUpload): PlanView {
  return {
    v: 1,
    type: "plan",
    file: source.path,
    name,
    account: account.name,
    host: account.host.id,
    folder,
    size: source.identity?.size ?? null,
    ...(error === null ? {} : { error: errorView(error) }),
  };
}
