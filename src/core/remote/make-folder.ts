import { AppError, toAppError } from "../../errors.ts";
import type { RemoteEntry, RemoteFolders } from "../../hosts/host.ts";
import { shellWord } from "../../safe-text.ts";
import { type Address, joinPath, splitPath } from "./address.ts";
import { entriesAt, folderAt } from "./find.ts";

/**
 * Makes a folder; with `parents` those above it too, and one that is there is fine. Fails with `conflict` when something
 * is there, `not_found` when the folder above is not.
 */
export async function makeFolder(
  folders: RemoteFolders,
  address: Address,
  parents: boolean,
  signal: AbortSignal,
): Promise<RemoteEntry> {
  const { typed, account } = address;
  const path = address.path ?? "/";
  const split = address.path === null ? null : splitPath(path);
  if (split === null) {
    if (parents && address.path !== null) return folders.root(signal);
    throw new AppError("conflict", `${typed} is there already`);
  }
  if (parents) return makeAll(folders, path, signal);
  const above = { ...address, typed: `${account.name}:${split.parent}`, path: split.parent };
  const parent = await folderAt(folders, above, signal).catch((thrown) => {
    const error = toAppError(thrown);
    throw error.code === "not_found"
      ? error.with({ hint: `make it as well, with: hoist mkdir -p ${shellWord(typed)}` })
      : error;
  });
  if ((await entriesAt(folders, { ...address, path }, signal)).length > 0) {
    throw new AppError("conflict", `${typed} is there already`);
  }
  return folders.create(parent.id, split.name, signal);
}

async function makeAll(folders: RemoteFolders, path: string, signal: AbortSignal): Promise<RemoteEntry> {
  let folder = await folders.root(signal);
  let done = "/";
  for (const name of path.split("/").filter((part) => part !== "")) {
    done = joinPath(done, name);
    const entries = await folders.list(folder.id, signal);
    const same = entries.filter((entry) => entry.name.normalize("NFC") === name);
    const there = same.find((entry) => entry.kind === "folder");
    if (there === undefined && same.length > 0) throw new AppError("conflict", `${done} is a file`);
    folder = there ?? (await folders.create(folder.id, name, signal));
  }
  return folder;
}
