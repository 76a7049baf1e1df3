import * as v from "valibot";
import { AppError, toAppError } from "../../errors.ts";
import { parseAnswer } from "../../http/parse.ts";
import type { HostEnv, RemoteEntry, RemoteFolders } from "../host.ts";
import { type Api, type ApiCall, isSuccess } from "./api.ts";
import type { Folders } from "./folders.ts";
import { allPages, MAX_PAGE, PAGE_SIZE } from "./pages.ts";
import { FOLDER_NOT_FOUND, isHostError, refusal } from "./refusal.ts";
import { fileListAnswer, folderAnswer, folderListAnswer, folderSizesAnswer } from "./schema.ts";

/** What stands in an account [O]. `known` are the slugs that uploads remember; `linkOf` judges and completes a link. */
export function createFiles(
  api: Api,
  known: Pick<Folders, "forget">,
  env: Pick<HostEnv, "exclusive">,
  linkOf: (slug: string, url: string | null) => string,
): RemoteFolders {
  const userPath = async (version: string, rest: string, signal: AbortSignal): Promise<string> => {
    const { user } = await api.account(signal);
    return `/${version}/user/${encodeURIComponent(user)}/${rest}`;
  };

  const foldersIn = async (parent: string, signal: AbortSignal): Promise<readonly RemoteEntry[]> => {
    const base = await userPath("v9", `folder/${encodeURIComponent(parent)}/folder-list`, signal);
    const found = await allPages(async (offset) => {
      const path = `${base}?status=ok&limit=${PAGE_SIZE}&offset=${offset}`;
      const call = { what: "the list of folders", method: "GET", path, signal, maxAnswer: MAX_PAGE } as const;
      const answer = await api.call(call, folderListAnswer);
      return { entries: answer.subfolders, limit: answer.metadata?.limit };
    });
    return found.map(({ slug, name }) => folderEntry(slug, name, parent));
  };

  const filesIn = async (parent: string, signal: AbortSignal): Promise<readonly RemoteEntry[]> => {
    const base = await userPath("v8", `folder/${encodeURIComponent(parent)}/file-list`, signal);
    const found = await allPages(async (offset) => {
      const path = `${base}?status=ok&limit=${PAGE_SIZE}&offset=${offset}`;
      const call = { what: "the list of files", method: "GET", path, signal, maxAnswer: MAX_PAGE } as const;
      const answer = await api.call(call, fileListAnswer);
      return { entries: answer.items, limit: answer.metadata?.limit };
    });
    return found.map(({ slug, name, filesize, url, upload_time }) => ({
      kind: "file",
      id: slug,
      name,
      parent,
      size: filesize ?? null,
      url: linkOf(slug, url ?? null),
      time: upload_time ?? null,
    }));
  };

  const root = async (signal: AbortSignal): Promise<RemoteEntry> =>
    folderEntry((await api.account(signal)).rootFolder, "", null);

  /** A folder by its slug; null when there is none. */
  const folderOf = async (slug: string, signal: AbortSignal): Promise<RemoteEntry | null> => {
    const base = await userPath("v9", `folder/${encodeURIComponent(slug)}/folder-list`, signal);
    const path = `${base}?status=ok&limit=1&offset=0`;
    try {
      const { folder } = await api.call({ what: "the folder", method: "GET", path, signal }, folderListAnswer);
      return folderEntry(slug, folder?.name ?? "", folder?.parent_folder_slug ?? null);
    } catch (error) {
      if (isHostError(error, FOLDER_NOT_FOUND)) return null;
      throw error;
    }
  };

  /** The host has no call for a single file: it is looked for folder by folder. */
  const fileOf = async (slug: string, signal: AbortSignal): Promise<RemoteEntry | null> => {
    const open = [await root(signal)];
    for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
      const found = (await filesIn(folder.id, signal)).find((file) => file.id === slug);
      if (found !== undefined) return found;
      open.push(...(await foldersIn(folder.id, signal)));
    }
    return null;
  };

  /** What the host answers is not documented; but a page is from somebody else, who has changed nothing. */
  const succeed = async (call: ApiCall): Promise<void> => {
    const answer = await api.exchange(call);
    if (!isSuccess(answer)) throw refusal(call.what, answer);
    if (answer.text.trim() !== "") parseAnswer(call.what, v.unknown(), answer);
  };

  const changeFolder: RemoteFolders["change"] = async (entry, { name, parent }, signal) => {
    const slug = encodeURIComponent(entry.id);
    if (parent !== undefined) {
      const path = await userPath("v6", "folder-list/parent-folder", signal);
      const body = { slugs: [entry.id], parent_folder_slug: parent };
      await succeed({ what: "the move", method: "PATCH", path, body, signal });
    }
    if (name === undefined) return;
    try {
      const path = await userPath("v7", `folder/${slug}`, signal);
      await succeed({ what: "the new name", method: "PATCH", path, body: { name }, signal });
    } catch (thrown) {
      const error = toAppError(thrown);
      throw parent === undefined ? error : error.with({ message: `moved, but not renamed: ${error.message}` });
    }
  };

  return {
    root,
    byId: async (id, signal) => (await folderOf(id, signal)) ?? fileOf(id, signal),
    async list(folder, signal, only) {
      const folders = only === "file" ? [] : await foldersIn(folder, signal);
      return only === "folder" ? folders : [...folders, ...(await filesIn(folder, signal))];
    },
    create: (parent, name, signal) =>
      env.exclusive("folders", signal, async () => {
        const there = async () =>
          (await foldersIn(parent, signal)).find((folder) => folder.name.normalize("NFC") === name) ?? null;
        if ((await there()) !== null) {
          throw new AppError("conflict", `the folder ${name} is there already`);
        }
        const path = await userPath("v6", "folder", signal);
        const body = { name, parent_folder_slug: parent };
        try {
          const created = await api.call(
            { what: `the folder ${name}`, method: "POST", path, body, signal },
            folderAnswer,
          );
          return folderEntry(created.slug, created.name, parent);
        } catch (thrown) {
          const error = toAppError(thrown);
          // Without an answer it may have been made all the same.
          const made = isUnanswered(error) ? await there() : null;
          if (made === null) throw error;
          return made;
        }
      }),
    async change(entry, to, signal) {
      known.forget();
      if (entry.kind === "folder") return changeFolder(entry, to, signal);
      const path = `/v8/file/${encodeURIComponent(entry.id)}/private`;
      const { name, parent } = to;
      const body = {
        ...(name === undefined ? {} : { name }),
        ...(parent === undefined ? {} : { folder_slug: parent }),
      };
      await succeed({ what: "the change", method: "PATCH", path, body, signal });
    },
    async remove(entry, signal) {
      known.forget();
      const what = `the deletion of ${entry.name}`;
      const call: ApiCall =
        entry.kind === "file"
          ? { what, method: "DELETE", path: `/v6/file/${encodeURIComponent(entry.id)}/private`, signal }
          : {
              what,
              method: "DELETE",
              path: await userPath("v5", "folder-list", signal),
              body: { slugs: [entry.id] },
              signal,
            };
      try {
        await succeed(call);
      } catch (thrown) {
        const error = toAppError(thrown);
        if (!isUnanswered(error)) throw error;
        // A second call would destroy what the first has put into the bin.
        throw new AppError("outcome_unknown", `whether ${entry.name} was deleted is not known: ${error.message}`, {
          hint: "look with hoist ls before you delete it again",
          hostMessage: error.hostMessage,
          cause: error,
        });
      }
    },
    async usage(folder, signal) {
      const path = await userPath("v6", `folder/${encodeURIComponent(folder)}/folder-sizes?recursive=true`, signal);
      const answer = await api.exchange({ what: "the used space", method: "GET", path, signal });
      if (!isSuccess(answer)) throw refusal("the used space", answer);
      const counts = parseAnswer("the used space", folderSizesAnswer, answer)[folder]?.recursive;
      if (counts === undefined) throw new AppError("host_protocol", "the host says nothing of the folder's size");
      return { bytes: counts.files_size, files: counts.files_count, folders: counts.folders_count };
    },
  };
}

function folderEntry(id: string, name: string, parent: string | null): RemoteEntry {
  return { kind: "folder", id, name, parent, size: null, url: null, time: null };
}

/** No readable answer came, or one that leaves open what was done. */
function isUnanswered({ code }: AppError): boolean {
  return code === "network" || code === "timeout" || code === "host_unavailable" || code === "host_protocol";
}
