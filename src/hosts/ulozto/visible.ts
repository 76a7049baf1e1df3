import type { RemoteFolders, Target } from "../host.ts";
import type { Folders } from "./folders.ts";
import type { StoredFile } from "./upload.ts";

/** Looks whether people can see a file. */
export type Visibility = (
  file: StoredFile,
  /** Slug of its folder; empty where an earlier process knew it: then it is where the target says. */
  at: { readonly folder: string; readonly target: Target },
  signal: AbortSignal,
) => Promise<boolean>;

/** By the list of its folder, in which nothing stands that is not committed [D]. */
export function createVisibility(files: RemoteFolders, folders: Folders): Visibility {
  return async ({ slug }, { folder, target }, signal) => {
    const parent = folder === "" ? await folders.find(target.folder ?? "/", signal) : folder;
    return parent !== null && (await files.list(parent, signal, "file")).some(({ id }) => id === slug);
  };
}
