import { AppError } from "../../errors.ts";
import type { RemoteEntry, RemoteFolders } from "../../hosts/host.ts";
import type { Address } from "./address.ts";
import { assertNotRoot, entryAt } from "./find.ts";

export interface Removed {
  readonly entry: RemoteEntry;
  readonly from: string;
  /** Not in the bin: it is gone. */
  readonly forGood: boolean;
}

export interface RemoveOptions {
  /** Also folders, which never go to the bin. */
  readonly recursive: boolean;
  /** Files do not stay in the bin. */
  readonly permanently: boolean;
}

/**
 * Deletes, having looked at everything first. No deletion is ever repeated by itself: what a first one puts into the
 * bin, a second destroys. Fails with `usage`, `not_found`, `conflict`, or `outcome_unknown`.
 */
export async function* removeRemote(
  folders: RemoteFolders,
  addresses: readonly Address[],
  { recursive, permanently }: RemoveOptions,
  signal: AbortSignal,
): AsyncGenerator<Removed> {
  if (addresses.some(({ path }) => path === "/"))
    throw new AppError("usage", "the root of an account cannot be deleted");
  const found = new Map<string, { readonly entry: RemoteEntry; readonly from: string }>();
  for (const address of addresses) {
    const entry = await entryAt(folders, address, signal);
    await assertNotRoot(folders, entry, address.typed, signal);
    if (entry.kind === "folder" && !recursive) {
      throw new AppError("usage", `${address.typed} is a folder`, {
        hint: "add -r to delete it with everything in it, at once and for good: folders do not go to the bin",
      });
    }
    found.set(entry.id, { entry, from: address.typed });
  }
  for (const { entry, from } of found.values()) {
    await folders.remove(entry, signal);
    if (permanently && entry.kind === "file") await destroy(folders, entry, signal);
    yield { entry, from, forGood: permanently || entry.kind === "folder" };
  }
}

/** The second deletion, once the first is seen to have done its part. */
async function destroy(folders: RemoteFolders, entry: RemoteEntry, signal: AbortSignal): Promise<void> {
  const still = entry.parent === null ? [] : await folders.list(entry.parent, signal, "file");
  if (still.some(({ id }) => id === entry.id)) {
    throw new AppError("host_protocol", `${entry.name} was deleted, but still stands in its folder`, {
      hint: "look again a little later with hoist ls",
    });
  }
  await folders.remove(entry, signal);
}
