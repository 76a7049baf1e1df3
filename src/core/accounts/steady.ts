import { type AppError, toAppError } from "../../errors.ts";
import type { RemoteEntry, RemoteFolders } from "../../hosts/host.ts";
import { type RepeatOptions, repeat } from "./repeat.ts";

/**
 * Folders that outlast a blip of the line: reads are repeated; before anything else is, what the failed call may have
 * done is looked for. A deletion is never repeated: what a first one puts into the bin, a second destroys.
 */
export function steadyFolders(folders: RemoteFolders, options: Omit<RepeatOptions, "signal">): RemoteFolders {
  const steady = <T>(signal: AbortSignal, work: () => Promise<T>) => repeat(work, { ...options, signal });
  return {
    root: (signal) => steady(signal, () => folders.root(signal)),
    byId: (id, signal) => steady(signal, () => folders.byId(id, signal)),
    list: (folder, signal, only) => steady(signal, () => folders.list(folder, signal, only)),
    usage: (folder, signal) => steady(signal, () => folders.usage(folder, signal)),
    create(parent, name, signal) {
      let failed = false;
      return steady(signal, async () => {
        try {
          return await folders.create(parent, name, signal);
        } catch (thrown) {
          const error = toAppError(thrown);
          const made = failed && error.code === "conflict" ? await findNamed(folders, parent, name, signal) : null;
          if (made !== null) return made;
          failed = true;
          throw error;
        }
      });
    },
    change(entry, to, signal) {
      let failure: AppError | null = null;
      return steady(signal, async () => {
        const left = failure === null ? to : await whatIsLeft(folders, entry, to, failure, signal);
        if (left === null) return;
        try {
          await folders.change(entry, left, signal);
        } catch (thrown) {
          failure = toAppError(thrown);
          throw failure;
        }
      });
    },
    remove: (entry, signal) => folders.remove(entry, signal),
  };
}

async function findNamed(folders: RemoteFolders, parent: string, name: string, signal: AbortSignal) {
  const there = await folders.list(parent, signal, "folder");
  return there.find((folder) => folder.name.normalize("NFC") === name) ?? null;
}

type Change = Parameters<RemoteFolders["change"]>[1];

/** Of a change that may have been made in part: what is still to do, or null. Fails with `failure` where nobody can tell. */
async function whatIsLeft(
  folders: RemoteFolders,
  entry: RemoteEntry,
  to: Change,
  failure: AppError,
  signal: AbortSignal,
): Promise<Change | null> {
  const goal = to.parent ?? entry.parent;
  if (goal === null) throw failure.with({ retry: { again: false } });
  const found = (await folders.list(goal, signal, entry.kind)).find(({ id }) => id === entry.id);
  if (found === undefined) {
    if (to.parent === undefined) throw failure.with({ retry: { again: false } });
    return to;
  }
  return to.name === undefined || found.name.normalize("NFC") === to.name ? null : { name: to.name };
}
