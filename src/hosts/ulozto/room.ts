import { AppError } from "../../errors.ts";
import type { UploadContext } from "../host.ts";
import type { Api } from "./api.ts";
import type { Folders } from "./folders.ts";
import { fileListAnswer } from "./schema.ts";

/** Room for files in folders: the host takes so many in each [D]. */
export interface Room {
  /**
   * A folder for one more file: that of `path`, or the first of `path (2)`, `path (3)` … with room where the options want
   * that. Fails with `host_quota` where it is full.
   */
  folderFor(path: string, ctx: UploadContext): Promise<string>;
}

const MOST_FILES = 10_000;
/** Folders of one name that are tried; a million files further something else is wrong. */
const MOST_FOLDERS = 100;

export function createRoom(api: Api, folders: Pick<Folders, "ensure">): Room {
  /** Files in a folder as far as they are known, ours included. */
  const counts = new Map<string, Promise<number>>();
  /** Where an upload has its place: another attempt needs no other. */
  const places = new WeakMap<UploadContext, string>();

  const count = async (slug: string, signal: AbortSignal): Promise<number> => {
    const { user } = await api.account(signal);
    const base = `/v8/user/${encodeURIComponent(user)}/folder/${encodeURIComponent(slug)}/file-list`;
    const call = {
      what: "the number of files",
      method: "GET",
      path: `${base}?status=ok&limit=1&offset=0`,
      signal,
    } as const;
    try {
      return (await api.call(call, fileListAnswer)).metadata?.items_count ?? 0;
    } catch (error) {
      // A session that is refused must not cost the login of another call.
      if (signal.aborted || (error instanceof AppError && error.code === "host_auth")) throw error;
      // What matters of this the properties will tell.
      return 0;
    }
  };

  /** Takes a place, if there is one. */
  const enter = async (slug: string, ctx: UploadContext): Promise<boolean> => {
    if (places.get(ctx) === slug) return true;
    const known = counts.get(slug) ?? count(slug, ctx.signal);
    const taken = known.then((files) => files + 1);
    counts.set(slug, taken);
    taken.catch(() => counts.delete(slug));
    if ((await taken) > MOST_FILES) return false;
    places.set(ctx, slug);
    return true;
  };

  return {
    async folderFor(path, ctx) {
      const { signal, options, note } = ctx;
      const slug = await folders.ensure(path, signal, note);
      if (await enter(slug, ctx)) return slug;
      if (options.overflow !== "new-folder" || path === "/") throw full(path);
      for (let number = 2; number <= MOST_FOLDERS; number += 1) {
        const next = `${path} (${number})`;
        const other = await folders.ensure(next, signal, note);
        if (!(await enter(other, ctx))) continue;
        note(`${path} is full: files go to ${next}`);
        return other;
      }
      throw full(path);
    },
  };
}

function full(path: string): AppError {
  const root = path === "/";
  return new AppError("host_quota", `the folder ${path} holds ${MOST_FILES} files, and Ulož.to takes no more in one`, {
    hint: root
      ? "name a folder in --to"
      : `name another folder in --to, or let the rest go to "${path} (2)" with --overflow new-folder`,
  });
}
