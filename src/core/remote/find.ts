import { AppError } from "../../errors.ts";
import type { RemoteEntry, RemoteFolders } from "../../hosts/host.ts";
import { shellWord } from "../../safe-text.ts";
import { formatBytes } from "../units.ts";
import { type Address, joinPath, splitPath } from "./address.ts";

/** Everything that stands at a path. Fails with `not_found` when its folder is not there, `conflict` when that is twins. */
export async function entriesAt(
  folders: RemoteFolders,
  { account, path }: Address & { readonly path: string },
  signal: AbortSignal,
): Promise<readonly RemoteEntry[]> {
  const split = splitPath(path);
  let folder = await folders.root(signal);
  if (split === null) return [folder];
  let above = "/";
  for (const part of split.parent.split("/").filter((each) => each !== "")) {
    const found = named(await folders.list(folder.id, signal, "folder"), part);
    const here = joinPath(above, part);
    folder = only(found, `${account.name}:${here}`, account.name, above);
    above = here;
  }
  return named(await folders.list(folder.id, signal), split.name);
}

/** The one thing an address means. Fails with `not_found`, or with `conflict` when there are several. */
export async function entryAt(folders: RemoteFolders, address: Address, signal: AbortSignal): Promise<RemoteEntry> {
  const found =
    address.id === null
      ? await entriesAt(folders, { ...address, path: address.path ?? "/" }, signal)
      : [await folders.byId(address.id, signal)].filter((entry) => entry !== null);
  const above = splitPath(address.path ?? "/")?.parent ?? "/";
  return only(found, address.typed, address.account.name, above);
}

/** Fails with `not_found` or `conflict` unless it is one folder. */
export async function folderAt(folders: RemoteFolders, address: Address, signal: AbortSignal): Promise<RemoteEntry> {
  const entry = await entryAt(folders, address, signal);
  if (entry.kind === "folder") return entry;
  throw new AppError("conflict", `${address.typed} is a file`);
}

/** Fails with `usage` on the root, by whatever address. */
export async function assertNotRoot(
  folders: RemoteFolders,
  entry: RemoteEntry,
  typed: string,
  signal: AbortSignal,
): Promise<void> {
  if (entry.id !== (await folders.root(signal)).id) return;
  throw new AppError("usage", `${typed} is the root of the account, which stays as and where it is`);
}

function named(entries: readonly RemoteEntry[], name: string): readonly RemoteEntry[] {
  return entries.filter((entry) => entry.name.normalize("NFC") === name);
}

/** `above`: the folder in which it was looked for. */
function only(entries: readonly RemoteEntry[], what: string, account: string, above: string): RemoteEntry {
  const [first, ...others] = entries;
  if (first === undefined) {
    throw new AppError("not_found", `there is nothing at ${what}`, {
      hint: `see hoist ls ${shellWord(`${account}:${above}`)}`,
    });
  }
  if (others.length === 0) return first;
  const listed = entries.slice(0, 10).map(({ id, kind, size }) => {
    return `${account}:id:${id} (${kind}${size === null ? "" : `, ${formatBytes(size)}`})`;
  });
  throw new AppError("conflict", `${entries.length} things stand at ${what}`, {
    hint: `name one by its id: ${listed.join(", ")}`,
  });
}
