import { type Call, fileView, randomSlug, refuse, type UloztoFolder, type UloztoState } from "./ulozto-state.ts";
import type { Answer } from "./wire.ts";

const folderView = (folder: UloztoFolder) => ({
  slug: folder.slug,
  name: folder.name,
  parent_folder_slug: folder.parent,
});

/** One page, or the refusal of a page nobody may ask for. */
function page<T>(query: URLSearchParams, all: readonly T[]): { items: readonly T[]; metadata: object } | Answer {
  const limit = Number(query.get("limit") ?? "500");
  const offset = Number(query.get("offset") ?? "0");
  if (!(limit >= 1 && limit <= 500 && offset >= 0)) return refuse(422, 42200, "limit must be 1 to 500");
  return { items: all.slice(offset, offset + limit), metadata: { offset, limit, items_count: all.length } };
}

const matches = (query: URLSearchParams, name: string) =>
  name.toLowerCase().includes((query.get("search_query") ?? "").toLowerCase());

function folderOf(state: UloztoState, { parts }: Call): UloztoFolder | Answer {
  const [login, slug] = parts;
  if (login !== state.login) return refuse(403, 40300, "Foreign account");
  return state.folders.find((folder) => folder.slug === slug) ?? refuse(404, 30001, "Folder not found");
}

export function listFolders(state: UloztoState, call: Call): Answer {
  const folder = folderOf(state, call);
  if ("status" in folder) return folder;
  const all = state.folders.filter((one) => one.parent === folder.slug && matches(call.query, one.name));
  const result = page(call.query, all);
  if ("status" in result) return result;
  return {
    status: 200,
    body: { metadata: result.metadata, folder: folderView(folder), subfolders: result.items.map(folderView) },
  };
}

export function listFiles(state: UloztoState, call: Call): Answer {
  const folder = folderOf(state, call);
  if ("status" in folder) return folder;
  const all = state.files.filter(
    (one) => one.folder === folder.slug && one.committed && !one.binned && matches(call.query, one.name),
  );
  const result = page(call.query, all);
  if ("status" in result) return result;
  return { status: 200, body: { metadata: result.metadata, items: result.items.map(fileView) } };
}

export function createFolder(state: UloztoState, { json, parts }: Call): Answer {
  if (parts[0] !== state.login) return refuse(403, 40300, "Foreign account");
  if (typeof json.name !== "string" || json.name === "" || json.name.includes("/"))
    return refuse(422, 42201, "Bad name");
  if (!state.folders.some((one) => one.slug === json.parent_folder_slug)) return refuse(404, 30001, "Folder not found");
  const folder: UloztoFolder = { slug: randomSlug(), name: json.name, parent: json.parent_folder_slug };
  state.folders.push(folder);
  return { status: 201, body: folderView(folder) };
}

export function renameFolder(state: UloztoState, call: Call): Answer {
  const folder = folderOf(state, call);
  if ("status" in folder) return folder;
  folder.name = String(call.json.name);
  return { status: 200, body: folderView(folder) };
}

export function moveFolders(state: UloztoState, { json }: Call): Answer {
  const slugs: string[] = json.slugs ?? [];
  for (const folder of state.folders) if (slugs.includes(folder.slug)) folder.parent = json.parent_folder_slug;
  return { status: 200, body: {} };
}

export function deleteFolders(state: UloztoState, { json }: Call): Answer {
  const doomed = new Set<string | null>(json.slugs ?? []);
  if (doomed.has(state.root)) return refuse(403, 40302, "The root stays");
  if (![...doomed].every((slug) => state.folders.some((one) => one.slug === slug)))
    return refuse(404, 30001, "Folder not found");
  for (let grown = true; grown; ) {
    const more = state.folders.filter((one) => doomed.has(one.parent) && !doomed.has(one.slug));
    for (const one of more) doomed.add(one.slug);
    grown = more.length > 0;
  }
  for (const file of state.files) if (doomed.has(file.folder)) file.binned = true;
  state.folders.splice(0, state.folders.length, ...state.folders.filter((one) => !doomed.has(one.slug)));
  return { status: 200, body: {} };
}

export function deleteFile(state: UloztoState, { parts }: Call): Answer {
  const at = state.files.findIndex((one) => one.slug === parts[0] && one.committed);
  const file = state.files[at];
  if (file === undefined) return refuse(404, 40401, "No such file");
  if (file.binned) {
    state.violations.push(`second DELETE destroyed ${file.name}`);
    state.files.splice(at, 1);
  }
  file.binned = true;
  return { status: 200, body: {} };
}

export function folderSizes(state: UloztoState, call: Call): Answer {
  const folder = folderOf(state, call);
  if ("status" in folder) return folder;
  const inside = (slug: string | null): boolean =>
    slug === folder.slug || (slug !== null && inside(state.folders.find((one) => one.slug === slug)?.parent ?? null));
  const files = state.files.filter((one) => one.committed && !one.binned && inside(one.folder));
  const recursive = {
    files_size: files.reduce((sum, one) => sum + one.size, 0),
    files_count: files.length,
    folders_count: state.folders.filter((one) => one.slug !== folder.slug && inside(one.slug)).length,
  };
  return { status: 200, body: { [folder.slug]: { recursive } } };
}

export function me(state: UloztoState): Answer {
  return { status: 200, body: { user: { login: state.login, root_folder_slug: state.root, credit: 107_374_182_400 } } };
}
