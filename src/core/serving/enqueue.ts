import { basename, isAbsolute, join, relative, resolve, sep } from "node:path";
import { AppError, toAppError } from "../../errors.ts";
import { isUnder, lookUnder, notAllowed } from "../../io/safe-open.ts";
import type { FileIdentity } from "../../io/source.ts";
import { folderPartsOf, walk } from "../../io/walk.ts";
import { joinFolder } from "../planning/destinations.ts";
import { assertPart, compileName } from "../planning/names.ts";
import type { NewJob } from "../serve-store.ts";
import type { JobRequest, Root, SpooledFile, Submitter } from "./jobs.ts";

/** The jobs of all requests that come to some; `refused` is told of the others. Fails with `source` when all do. */
export async function jobsOfAll(
  requests: readonly JobRequest[],
  submitter: Submitter,
  signal: AbortSignal,
  refused: (request: JobRequest, error: AppError) => void,
): Promise<NewJob[]> {
  const found: NewJob[] = [];
  let failed: AppError | null = null;
  for (const request of requests) {
    try {
      found.push(...(await jobsOf(request, submitter, signal)));
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code !== "source") throw error;
      refused(request, error);
      failed ??= error;
    }
  }
  if (found.length === 0 && failed !== null) throw failed;
  return found;
}

/** What a request stands for: one job a file, in order. Fails with `source`, `forbidden` or `usage`. */
export async function jobsOf(
  request: JobRequest,
  submitter: Submitter,
  signal: AbortSignal,
): Promise<readonly NewJob[]> {
  if (!isAbsolute(request.path)) throw notAllowed();
  const path = resolve(request.path);
  assertMayDispose(path, request, submitter);
  if (!request.recursive) return [newJob(request, submitter, fileAt(path, submitter.roots), request.group ?? null, 0)];
  const files = await filesUnder(path, request.path, submitter.roots, signal);
  const group = request.group ?? (files.length === 1 ? null : crypto.randomUUID());
  return files.map((file, index) => newJob(request, submitter, file, group, index));
}

export function spooledJob(
  file: SpooledFile,
  request: Omit<JobRequest, "path" | "recursive" | "after" | "settleMs" | "name">,
  submitter: Submitter,
): NewJob {
  const found = { path: "-", below: [], identity: { size: file.size, mtimeNs: null, inode: null }, spool: file.path };
  const named = { ...request, name: null, after: { do: "keep" }, settleMs: null } as const;
  return newJob(named, submitter, { ...found, base: file.name }, null, 0);
}

interface FoundFile {
  readonly path: string;
  readonly base: string;
  readonly below: readonly string[];
  readonly identity: FileIdentity | { readonly size: number; readonly mtimeNs: null; readonly inode: null };
  readonly spool: string | null;
}

function fileAt(path: string, roots: readonly Root[], below: readonly string[] = []): FoundFile {
  return { path, base: basename(path), below, identity: lookUnder(path, pathsOf(roots)), spool: null };
}

/** Files of a directory that may be named; what may not is passed over, as everything else that is no file. */
async function filesUnder(
  path: string,
  typed: string,
  roots: readonly Root[],
  signal: AbortSignal,
): Promise<readonly FoundFile[]> {
  if (!isUnder(path, pathsOf(roots))) throw notAllowed();
  const files: FoundFile[] = [];
  let passedOver = 0;
  for await (const entry of walk(path, { below: folderPartsOf(typed), note: () => {}, signal })) {
    if (entry.kind !== "file") continue;
    try {
      files.push(fileAt(entry.path, roots, entry.below));
    } catch {
      passedOver += 1;
    }
  }
  if (files.length === 0 && passedOver > 0) throw notAllowed();
  return files.length > 0 ? files : [fileAt(path, roots)];
}

function newJob(
  request: Omit<JobRequest, "path" | "recursive">,
  submitter: Submitter,
  file: FoundFile,
  group: string | null,
  index: number,
): NewJob {
  const template = request.name === null ? null : compileName(request.name);
  if (index > 0 && template !== null && !template.varies) {
    throw new AppError("usage", "several files cannot have one name", { hint: "vary it with {name} or {n}" });
  }
  const name =
    template?.render({ base: file.base, number: index + (request.firstNumber ?? 1), now: new Date() }) ?? file.base;
  for (const part of [name, ...file.below]) assertPart(part, "source", "the name");
  return {
    id: Bun.randomUUIDv7(),
    source: { path: file.path, ...file.identity, spool: file.spool },
    labels: request.labels,
    group,
    hook: submitter.hook,
    notBefore: request.notBefore,
    settleMs: request.settleMs,
    callback: request.callback,
    after: afterOf(request, file),
    resumable: request.resumable,
    uploads: request.to.map(({ account, folder }) => ({
      account: account.name,
      accountKey: account.key,
      host: account.host.id,
      folder: folder === null ? null : joinFolder(folder, file.below),
      name,
    })),
  };
}

/** What is moved of a directory keeps its place in it. */
function afterOf({ after }: Pick<JobRequest, "after">, { below }: FoundFile): NewJob["after"] {
  return after.do === "move" ? { ...after, directory: join(after.directory, ...below) } : after;
}

/** Deleting and moving need the token's scope and a root that is written to. */
function assertMayDispose(path: string, { after }: JobRequest, { mayDelete, roots }: Submitter): void {
  if (after.do === "keep") return;
  const writable = pathsOf(roots.filter((root) => root.write));
  if (mayDelete && isUnder(path, writable) && (after.do === "delete" || isUnder(resolve(after.directory), writable)))
    return;
  throw new AppError("forbidden", "after needs a token with the scope delete and a root with write = true");
}

export function pathsOf(roots: readonly Root[]): readonly string[] {
  return roots.map((root) => root.path);
}

/** The first pair whose prefix the path has, on a boundary, replaces it. */
export function rewritePath(path: string, pairs: readonly (readonly [string, string])[]): string {
  for (const [from, to] of pairs) {
    const prefix = from.endsWith(sep) ? from.slice(0, -1) : from;
    if (path !== prefix && !path.startsWith(prefix + sep)) continue;
    return resolve(to, relative(prefix, path));
  }
  return path;
}
