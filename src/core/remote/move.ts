import { AppError } from "../../errors.ts";
import type { RemoteEntry, RemoteFolders } from "../../hosts/host.ts";
import { shellWord } from "../../safe-text.ts";
import { type Address, joinPath, splitPath } from "./address.ts";
import { assertNotRoot, entriesAt, entryAt, folderAt } from "./find.ts";

/** Where something has come to. */
export interface Moved {
  readonly entry: RemoteEntry;
  readonly from: string;
  readonly to: string;
}

/**
 * As `mv`: into a folder that is there, else to a new name in a folder that is. Nothing is ever replaced. Everything is
 * looked at before the first change. Fails with `not_found`, `conflict`, or `usage` for the root.
 */
export async function* moveRemote(
  folders: RemoteFolders,
  sources: readonly Address[],
  target: Address,
  signal: AbortSignal,
): AsyncGenerator<Moved> {
  const entries: RemoteEntry[] = [];
  for (const source of sources) entries.push(await movable(folders, source, signal));
  const goal = await goalOf(folders, target, sources.length > 1, signal);
  const taken = new Set((await folders.list(goal.folder.id, signal)).map(nameOf));
  const above = entries.some(({ kind }) => kind === "folder") ? await ancestors(folders, target, goal, signal) : [];
  const steps = entries.map((entry, index) => {
    const from = sources[index]?.typed ?? "";
    const name = goal.name ?? nameOf(entry);
    const to = joinPath(goal.path, name);
    if (above.includes(entry.id)) throw new AppError("conflict", `${from} cannot be moved into itself`);
    if (taken.has(name)) throw new AppError("conflict", `${target.account.name}:${to} is there already`);
    taken.add(name);
    return { entry, from, name, to };
  });
  for (const { entry, from, name, to } of steps) {
    const renamed = name === nameOf(entry) ? {} : { name };
    const moved = entry.parent === goal.folder.id ? {} : { parent: goal.folder.id };
    await folders.change(entry, { ...renamed, ...moved }, signal);
    yield { entry, from, to };
  }
}

interface Goal {
  readonly folder: RemoteEntry;
  readonly path: string;
  /** Null: everything keeps its name. */
  readonly name: string | null;
}

async function movable(folders: RemoteFolders, source: Address, signal: AbortSignal): Promise<RemoteEntry> {
  const entry = await entryAt(folders, source, signal);
  await assertNotRoot(folders, entry, source.typed, signal);
  return entry;
}

async function goalOf(folders: RemoteFolders, target: Address, several: boolean, signal: AbortSignal): Promise<Goal> {
  const { account, typed, path } = target;
  if (path === null) return { folder: await folderAt(folders, target, signal), path: `id:${target.id}`, name: null };
  const there = await entriesAt(folders, { ...target, path }, signal);
  const inside = there.filter(({ kind }) => kind === "folder");
  // Also where the name stands twice: then it must be said which folder is meant.
  if (inside.length > 0) return { folder: await folderAt(folders, target, signal), path, name: null };
  if (there.length > 0) throw new AppError("conflict", `${typed} is there already`);
  const split = splitPath(path);
  if (split === null || several || typed.endsWith("/")) {
    throw new AppError("not_found", `there is no folder ${typed}`, {
      hint: `make it with: hoist mkdir ${shellWord(typed)}`,
    });
  }
  const parent = { ...target, typed: `${account.name}:${split.parent}`, path: split.parent };
  return { folder: await folderAt(folders, parent, signal), path: split.parent, name: split.name };
}

/** Ids of the goal's folder and of all above it. */
async function ancestors(
  folders: RemoteFolders,
  target: Address,
  { folder }: Goal,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ids = [folder.id];
  if (target.path === null) {
    for (let above = folder.parent; above !== null && !ids.includes(above); ) {
      ids.push(above);
      above = (await folders.byId(above, signal))?.parent ?? null;
    }
    return ids;
  }
  const parts = target.path.split("/").filter((part) => part !== "");
  for (let length = 1; length < parts.length; length += 1) {
    const path = `/${parts.slice(0, length).join("/")}`;
    ids.push((await folderAt(folders, { ...target, typed: `${target.account.name}:${path}`, path }, signal)).id);
  }
  return ids;
}

function nameOf({ name }: RemoteEntry): string {
  return name.normalize("NFC");
}
