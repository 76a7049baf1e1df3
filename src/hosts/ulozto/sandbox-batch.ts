import { type Context, Hono } from "hono";
import * as v from "valibot";
import type { SandboxEnv, SandboxKit } from "../sandbox.ts";
import {
  fileView,
  jsonBody,
  loginOf,
  newSlug,
  refused,
  type SandboxFile,
  type SandboxState,
  withSession,
} from "./sandbox-state.ts";

const LINK_SECONDS = 3600;
const BRIEF_SECONDS = 1;

const linkRequest = v.object({
  user_login: v.string(),
  realm: v.literal("ulozto"),
  private_slug: v.optional(v.string()),
  captcha_token: v.optional(v.string()),
});
const blockLinkRequest = v.object({ user_login: v.string(), captcha_token: v.optional(v.string()) });
const change = v.object({ name: v.optional(v.string()), folder_slug: v.optional(v.string()) });
const changes = v.object({
  ...change.entries,
  slugs: v.pipe(v.array(v.string()), v.minLength(1)),
  upload_tokens: v.record(v.string(), v.string()),
});
const confirmation = v.object({ status: v.literal("confirmed"), owner_login: v.string() });

/** Everything of an upload but its body: link, captcha, properties, commit. */
export function batchRoutes(state: SandboxState, kit: SandboxKit): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>();
  const guard = withSession(state);

  /** The answer that asks for a person, unless the captcha is solved or there is none. */
  const captchaWall = (c: Context<SandboxEnv>, token: string | undefined): Response | null => {
    const login = loginOf(state, c);
    if (c.get("fault") === "captcha") state.captchas.set(login, { token: newSlug(), solved: false });
    const captcha = state.captchas.get(login);
    if (captcha === undefined) return null;
    if (captcha.solved && captcha.token === token) {
      state.captchas.delete(login);
      return null;
    }
    const data = { captcha_token: captcha.token };
    return Response.json({ code: 401, message: "A captcha must be solved.", data }, { status: 401 });
  };

  const applied = (file: SandboxFile, { name, folder_slug: folder }: v.InferOutput<typeof change>): boolean => {
    if (folder !== undefined && !state.folders.some((each) => each.slug === folder)) return false;
    file.folder = folder ?? file.folder;
    // Longer names are cut without a word [O].
    file.name = name?.slice(0, 255) ?? file.name;
    return true;
  };

  app.post("/v5/upload/link", kit.step("link"), guard, async (c) => {
    const asked = await jsonBody(c, linkRequest);
    const owner = loginOf(state, c);
    if (asked === null || asked.user_login !== owner) return refused(400, 40_000, "The request is not understood.");
    const wall = captchaWall(c, asked.captcha_token);
    if (wall !== null) return wall;
    const batch = state.batches.get(asked.private_slug ?? "") ?? { slug: newSlug(), owner, confirmedAt: null };
    if (asked.private_slug !== undefined && asked.private_slug !== batch.slug) {
      return refused(404, 40_400, "The batch was not found.");
    }
    state.batches.set(batch.slug, batch);
    const fault = c.get("fault");
    const seconds = fault === "brief" ? BRIEF_SECONDS : LINK_SECONDS;
    const key = newSlug();
    state.links.set(key, { batch, until: fault === "expired" ? 0 : performance.now() + seconds * 1000 });
    return c.json({
      upload_url: `${kit.origin()}/ulozto/upload?key=${key}`,
      private_slug: batch.slug,
      valid_until: new Date(Date.now() + seconds * 1000).toISOString(),
      validity_interval: seconds,
    });
  });

  app.post("/v6/upload/link", kit.step("block-link"), guard, async (c) => {
    const asked = await jsonBody(c, blockLinkRequest);
    const owner = loginOf(state, c);
    if (asked === null || asked.user_login !== owner) return refused(400, 40_000, "The request is not understood.");
    const wall = captchaWall(c, asked.captcha_token);
    if (wall !== null) return wall;
    const batch = { slug: newSlug(), owner, confirmedAt: null };
    const signature = newSlug();
    state.batches.set(batch.slug, batch);
    state.signatures.set(signature, batch);
    return c.json({
      upload_signature: signature,
      private_slug: batch.slug,
      upload_resumable_base_url: `${kit.origin()}/ulozto/blocks`,
    });
  });

  app.post("/v5/captcha/:token/url", kit.step("captcha"), guard, (c) =>
    c.json({ url: `${kit.origin()}/ulozto/captcha/${encodeURIComponent(c.req.param("token"))}` }),
  );

  app.get("/ulozto/captcha/:token", (c) => {
    const captcha = [...state.captchas.values()].find(({ token }) => token === c.req.param("token"));
    if (captcha === undefined) return c.html("<!doctype html><title>Captcha</title><p>There is no such captcha.", 404);
    captcha.solved = true;
    return c.html("<!doctype html><title>Captcha</title><p>Solved. The upload goes on by itself.");
  });

  app.patch("/v8/file-list/private", kit.step("properties"), guard, async (c) => {
    const asked = await jsonBody(c, changes);
    if (asked === null || (asked.name !== undefined && asked.slugs.length > 1)) {
      return refused(400, 40_001, "The request is not understood.");
    }
    const tokens = new Map(Object.entries(asked.upload_tokens));
    const files = asked.slugs.map((slug) => state.files.find((file) => file.slug === slug));
    const owned = files.filter((file) => file !== undefined && tokens.get(file.slug) === tokenOf(file));
    if (owned.length !== files.length || tokens.size !== files.length) {
      return refused(403, 40_300, "slugs and upload_tokens do not match.");
    }
    const known = owned.filter((file) => file !== undefined);
    if (c.get("fault") === "no-folder" || !known.every((file) => applied(file, asked))) {
      return refused(404, 30_001, "The folder was not found.");
    }
    return c.json(known.map((file) => fileView(file, kit)));
  });

  app.patch("/v8/file/:slug/private", kit.step("properties"), guard, async (c) => {
    const asked = await jsonBody(c, change);
    const file = state.files.find(({ slug }) => slug === c.req.param("slug"));
    if (asked === null) return refused(400, 40_001, "The request is not understood.");
    if (file === undefined) return refused(404, 40_401, "The file was not found.");
    if (file.batch.confirmedAt === null && c.req.header("x-upload-token") !== tokenOf(file)) {
      return refused(403, 40_301, "X-Upload-Token does not match the file.");
    }
    if (c.get("fault") === "no-folder" || !applied(file, asked)) {
      return refused(404, 30_001, "The folder was not found.");
    }
    return c.json(fileView(file, kit));
  });

  app.on(["PATCH", "PUT"], "/v8/upload-batch/private/:slug", kit.step("commit"), guard, async (c) => {
    if (c.get("fault") === "put-only" && c.req.method === "PATCH") return refused(405, 40_500, "Use PUT.");
    const asked = await jsonBody(c, confirmation);
    const batch = state.batches.get(c.req.param("slug"));
    if (asked === null || asked.owner_login !== batch?.owner) return refused(404, 40_400, "The batch was not found.");
    if (batch.confirmedAt !== null) return refused(400, 40_002, "The batch is already confirmed.");
    const files = state.files.filter((file) => file.batch === batch);
    if (files.length === 0 || files.some((file) => file.folder === null)) {
      return refused(400, 40_003, "The batch is empty, or one of its files has no folder.");
    }
    batch.confirmedAt = new Date();
    return c.json({
      private_slug: batch.slug,
      public_slug: newSlug(),
      status: "confirmed",
      confirmed_at: batch.confirmedAt.toISOString(),
      public_url: `${kit.origin()}/ulozto/batch/${batch.slug}`,
      files_count_ok: files.length,
    });
  });

  return app;
}

function tokenOf(file: SandboxFile): string {
  return `${file.batch.slug}:${file.number}`;
}
