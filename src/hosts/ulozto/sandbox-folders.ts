import { type Context, Hono } from "hono";
import * as v from "valibot";
import type { SandboxEnv, SandboxKit } from "../sandbox.ts";
import { jsonBody, loginOf, refused, type SandboxFolder, type SandboxState, withSession } from "./sandbox-state.ts";

const rename = v.object({ name: v.pipe(v.string(), v.minLength(1)) });
const move = v.object({ slugs: v.pipe(v.array(v.string()), v.minLength(1)), parent_folder_slug: v.string() });
const deletion = v.object({ slugs: v.pipe(v.array(v.string()), v.minLength(1)) });

/** What is changed of folders and files that stand there, and how much does. */
export function folderRoutes(state: SandboxState, kit: SandboxKit): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>();
  const guard = withSession(state);
  const notFound = () => refused(404, 30_001, "The folder was not found.");

  const own = (c: Context, slug: string | undefined): SandboxFolder | undefined =>
    state.folders.find((folder) => folder.slug === slug && folder.owner === loginOf(state, c));

  /** The folder and everything below it. */
  const below = (slug: string): readonly SandboxFolder[] =>
    state.folders.flatMap((folder) => {
      if (folder.slug === slug) return [folder];
      return folder.parent === slug ? below(folder.slug) : [];
    });

  app.patch("/v7/user/:login/folder/:slug", kit.step("rename-folder"), guard, async (c) => {
    const asked = await jsonBody(c, rename);
    const folder = own(c, c.req.param("slug"));
    if (folder === undefined) return notFound();
    if (asked === null || asked.name.includes("/")) return refused(422, 42_200, "The folder has no valid name.");
    folder.name = asked.name.slice(0, 255);
    return c.json({ slug: folder.slug, name: folder.name, parent_folder_slug: folder.parent });
  });

  app.patch("/v6/user/:login/folder-list/parent-folder", kit.step("move-folders"), guard, async (c) => {
    const asked = await jsonBody(c, move);
    const folders = asked?.slugs.map((slug) => own(c, slug)) ?? [];
    const target = own(c, asked?.parent_folder_slug);
    if (target === undefined || folders.includes(undefined)) return notFound();
    for (const folder of folders) if (folder !== undefined) folder.parent = target.slug;
    return c.json({});
  });

  app.delete("/v5/user/:login/folder-list", kit.step("delete-folders"), guard, async (c) => {
    const asked = await jsonBody(c, deletion);
    const folders = asked?.slugs.map((slug) => own(c, slug)) ?? [];
    if (folders.length === 0 || folders.some((folder) => folder === undefined || folder.parent === null)) {
      return notFound();
    }
    const doomed = new Set(folders.flatMap((folder) => (folder === undefined ? [] : below(folder.slug))));
    const slugs = new Set([...doomed].map(({ slug }) => slug));
    for (const file of state.files) if (file.folder !== null && slugs.has(file.folder)) file.binned = true;
    for (const folder of doomed) state.folders.splice(state.folders.indexOf(folder), 1);
    return c.json({});
  });

  app.delete("/v6/file/:slug/private", kit.step("delete-file"), guard, async (c) => {
    const file = state.files.find(({ slug, batch }) => slug === c.req.param("slug") && batch.confirmedAt !== null);
    if (file === undefined) return refused(404, 40_401, "The file was not found.");
    if (file.binned) {
      state.files.splice(state.files.indexOf(file), 1);
      await kit.store.remove(file.content.key);
    }
    file.binned = true;
    return c.json({});
  });

  app.get("/v6/user/:login/folder/:slug/folder-sizes", kit.step("folder-sizes"), guard, (c) => {
    const folder = own(c, c.req.param("slug"));
    if (folder === undefined) return notFound();
    const inside = below(folder.slug);
    const slugs = new Set(inside.map(({ slug }) => slug));
    const files = state.files.filter(
      (file) => !file.binned && file.batch.confirmedAt !== null && file.folder !== null && slugs.has(file.folder),
    );
    const recursive = {
      files_size: files.reduce((sum, file) => sum + file.content.size, 0),
      files_count: files.length,
      folders_count: inside.length - 1,
    };
    return c.json({ [folder.slug]: { recursive } });
  });

  return app;
}
