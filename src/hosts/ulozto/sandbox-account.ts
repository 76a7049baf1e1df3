import { type Context, Hono } from "hono";
import * as v from "valibot";
import type { SandboxEnv, SandboxKit } from "../sandbox.ts";
import {
  fileView,
  jsonBody,
  loginOf,
  newSlug,
  refused,
  rootOf,
  type SandboxFolder,
  type SandboxState,
  withSession,
} from "./sandbox-state.ts";

const VALID_SECONDS = 3600;
const CREDIT = 100 * 1024 ** 3;

const secrets = v.object({
  login: v.pipe(v.string(), v.minLength(1)),
  password: v.optional(v.string()),
  token: v.optional(v.string()),
});
const newFolder = v.object({ name: v.pipe(v.string(), v.minLength(1)), parent_folder_slug: v.string() });
const paging = v.object({
  limit: v.optional(v.pipe(v.string(), v.transform(Number), v.integer(), v.minValue(1), v.maxValue(500)), "500"),
  offset: v.optional(v.pipe(v.string(), v.transform(Number), v.integer(), v.minValue(0)), "0"),
  search_query: v.optional(v.string(), ""),
});

/** Logins, folders and lists. */
export function accountRoutes(state: SandboxState, kit: SandboxKit): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>();
  const guard = withSession(state);

  const logIn = async (c: Context<SandboxEnv>, way: "password" | "token"): Promise<Response> => {
    const given = await jsonBody(c, secrets);
    const secret = given?.[way];
    const fault = c.get("fault");
    const refusing = fault === "refused" || (fault === "token-refused" && way === "token");
    if (given === null || secret === undefined || secret === "wrong" || refusing) {
      return refused(way === "token" ? 400 : 401, 10_400, "The login or password is wrong.");
    }
    const session = crypto.randomUUID();
    state.sessions.set(session, given.login);
    const user = { login: given.login, root_folder_slug: rootOf(state, given.login).slug };
    return c.json({
      token_id: session,
      token_validity_interval: VALID_SECONDS,
      session: { country: "CZ", is_limited_country: false, user },
    });
  };

  const folderAt = (c: Context): SandboxFolder | undefined =>
    state.folders.find((folder) => folder.slug === c.req.param("slug") && folder.owner === loginOf(state, c));

  app.put("/v6/session", kit.step("login"), (c) => logIn(c, "password"));
  app.post("/v6/auth/token", kit.step("login"), (c) => logIn(c, "token"));

  app.get("/v5/me", kit.step("me"), guard, (c) => {
    const login = loginOf(state, c);
    return c.json({ user: { login, root_folder_slug: rootOf(state, login).slug, credit: CREDIT } });
  });

  app.get("/v9/user/:login/folder/:slug/folder-list", kit.step("list-folders"), guard, (c) => {
    const folder = folderAt(c);
    if (folder === undefined) return refused(404, 30_001, "The folder was not found.");
    const inside = state.folders.filter((each) => each.parent === folder.slug);
    return listed(c, inside, (metadata, page) => ({ metadata, folder: view(folder), subfolders: page.map(view) }));
  });

  app.get("/v8/user/:login/folder/:slug/file-list", kit.step("list-files"), guard, (c) => {
    const folder = folderAt(c);
    if (folder === undefined) return refused(404, 30_001, "The folder was not found.");
    const inside = state.files.filter(
      (file) => file.folder === folder.slug && file.batch.confirmedAt !== null && !file.binned,
    );
    return listed(c, inside, (metadata, page) => ({ metadata, items: page.map((file) => fileView(file, kit)) }));
  });

  app.post("/v6/user/:login/folder", kit.step("create-folder"), guard, async (c) => {
    const asked = await jsonBody(c, newFolder);
    if (asked === null || asked.name.includes("/")) return refused(422, 42_200, "The folder has no valid name.");
    const owner = loginOf(state, c);
    if (!state.folders.some((folder) => folder.slug === asked.parent_folder_slug && folder.owner === owner)) {
      return refused(404, 30_001, "The folder was not found.");
    }
    const folder = { slug: newSlug(), owner, name: asked.name.slice(0, 255), parent: asked.parent_folder_slug };
    state.folders.push(folder);
    return c.json(view(folder));
  });

  return app;
}

function view({ slug, name, parent }: SandboxFolder) {
  return { slug, name, parent_folder_slug: parent };
}

/** One page of what the search leaves. */
function listed<T extends { readonly name: string }>(
  c: Context,
  all: readonly T[],
  answer: (metadata: object, page: readonly T[]) => object,
): Response {
  const asked = v.safeParse(paging, c.req.query());
  if (!asked.success) return refused(422, 42_201, "limit is 1 to 500, offset 0 or more.");
  const { limit, offset, search_query } = asked.output;
  const found = all.filter(({ name }) => name.toLowerCase().includes(search_query.toLowerCase()));
  return c.json(answer({ offset, limit, items_count: found.length }, found.slice(offset, offset + limit)));
}
