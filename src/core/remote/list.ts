import type { RemoteEntry, RemoteFolders } from "../../hosts/host.ts";
import { type Address, joinPath } from "./address.ts";
import { entryAt } from "./find.ts";

/** One line of `ls`. */
export interface Listed {
  readonly entry: RemoteEntry;
  /** From the account's root; below an id from there, which is written `id:ID`. */
  readonly path: string;
  /** Another thing of that name stands beside it. */
  readonly twin: boolean;
}

/**
 * What stands in a folder, folders first, each kind by name; a file stands for itself. `recursive` goes into every
 * folder right after it is named. Fails with `not_found` or `conflict`.
 */
export async function* listRemote(
  folders: RemoteFolders,
  address: Address,
  recursive: boolean,
  signal: AbortSignal,
): AsyncGenerator<Listed> {
  const start = await entryAt(folders, address, signal);
  const path = address.path ?? `id:${start.id}`;
  if (start.kind === "file") yield { entry: start, path, twin: false };
  else yield* below(folders, start, path, recursive, signal);
}

async function* below(
  folders: RemoteFolders,
  folder: RemoteEntry,
  path: string,
  recursive: boolean,
  signal: AbortSignal,
): AsyncGenerator<Listed> {
  const entries = [...(await folders.list(folder.id, signal))].sort(byKindAndName);
  const counts = new Map<string, number>();
  for (const { name } of entries) counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const entry of entries) {
    const own = joinPath(path, entry.name);
    yield { entry, path: own, twin: (counts.get(entry.name) ?? 0) > 1 };
    if (recursive && entry.kind === "folder") yield* below(folders, entry, own, recursive, signal);
  }
}

function byKindAndName(a: RemoteEntry, b: RemoteEntry): number {
  if (a.kind !== b.kind) return a.kind === "folder" ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1;
}
