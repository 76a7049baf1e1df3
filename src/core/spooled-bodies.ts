import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ServeStore } from "./serve-store.ts";

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
 * the file of an ended one. Copies that `hoist up` makes of standard input have other names and are left alone. The
 * caller holds the lock that keeps other servers out.
 */
export async function removeOrphans(store: Pick<ServeStore, "spoolsInUse">, directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const unfinished = names.filter((name) => name.endsWith(UNFINISHED));
  const bodies = names.filter((name) => name.startsWith(PREFIX) && !name.endsWith(UNFINISHED));
  const paths = bodies.map((name) => join(directory, name));
  const used = paths.length === 0 ? new Set<string>() : await store.spoolsInUse(paths);
  const orphans = [...unfinished.map((name) => join(directory, name)), ...paths.filter((path) => !used.has(path))];
  await Promise.all(orphans.map((path) => rm(path, { force: true })));
}
