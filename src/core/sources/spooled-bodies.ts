import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isCopy } from "../../io/spool.ts";
import type { JobStore } from "../job-store.ts";

/** Only servers make files of such names, and one server at a time works on a state directory. */
const PREFIX = "put-";
const UNFINISHED = ".part";

/** Where a request's body is to stand, and where it grows until it is whole. */
export function newBody(directory: string): { readonly path: string; readonly unfinished: string } {
  const path = join(directory, `${PREFIX}${crypto.randomUUID()}`);
  return { path, unfinished: `${path}${UNFINISHED}` };
}

/**
 * Deletes what a server has left that died while a body came, or before its job was stored, or before it could delete
 * the file of an ended one. The caller holds the lock that keeps other servers out.
 */
export async function removeOrphans(store: Pick<JobStore, "spoolsInUse">, directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const unfinished = names.filter((name) => name.endsWith(UNFINISHED));
  const bodies = names.filter((name) => name.startsWith(PREFIX) && !name.endsWith(UNFINISHED));
  const paths = bodies.map((name) => join(directory, name));
  const used = paths.length === 0 ? new Set<string>() : await store.spoolsInUse(paths);
  const orphans = [...unfinished.map((name) => join(directory, name)), ...paths.filter((path) => !used.has(path))];
  await Promise.all(orphans.map((path) => rm(path, { force: true })));
}

/** Milliseconds after which a copy that no record knows, and that no longer grows, is nobody's. */
const STALE_MS = 7 * 24 * 3_600_000;

/**
 * Deletes copies of standard input whose `hoist up` died before it had read all. One that still reads writes to its copy,
 * which has no record yet.
 */
export async function removeStaleCopies(store: Pick<JobStore, "spoolsInUse">, directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const paths = names.filter(isCopy).map((name) => join(directory, name));
  const ages = await Promise.all(paths.map((path) => ageOf(path)));
  const old = paths.filter((_, index) => (ages[index] ?? 0) > STALE_MS);
  if (old.length === 0) return;
  const used = await store.spoolsInUse(old);
  await Promise.all(old.filter((path) => !used.has(path)).map((path) => rm(path, { force: true })));
}

/** Milliseconds since its last byte; 0 for what is gone or no file. */
async function ageOf(path: string): Promise<number> {
  return lstat(path).then(
    (stats) => (stats.isFile() ? Date.now() - stats.mtimeMs : 0),
    () => 0,
  );
}
