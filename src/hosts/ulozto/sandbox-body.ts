import { Hono } from "hono";
import type { SandboxEnv, SandboxKit } from "../sandbox.ts";
import { multipartParts } from "../sandbox-receive.ts";
import type { StoredContent } from "../sandbox-store.ts";
import { newSlug, type SandboxState } from "./sandbox-state.ts";

const WRONG_MD5 = "0".repeat(32);

/** The upload server, and the pages of visible files. */
export function bodyRoutes(state: SandboxState, kit: SandboxKit): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>();

  app.post("/ulozto/upload", kit.step("upload"), async (c) => {
    const fault = c.get("fault");
    const link = state.links.get(c.req.query("key") ?? "");
    if (link === undefined || link.until < performance.now() || fault === "expired") {
      return answer(403, { return_code: 403, message: "The link has expired." });
    }
    if (c.req.header("x-auth-token") !== undefined || c.req.header("x-user-token") !== undefined) {
      return answer(400, { return_code: 400, message: "A header of the API came to the upload server." });
    }
    const number = Number(c.req.query("batch_file_id"));
    const { batch } = link;
    const taken = state.files.some((file) => file.batch === batch && file.number === number);
    if (!(Number.isSafeInteger(number) && number > 0) || taken || c.req.query("is_porn") !== "false") {
      return answer(200, { return_code: 400, message: "batch_file_id or is_porn is wrong." });
    }
    const received = await receive(c.req.raw, kit);
    if (received === null) return answer(200, { return_code: 400, message: "The form has no part named file." });
    if (fault === "rejected" || batch.confirmedAt !== null) {
      await kit.store.remove(received.content.key);
      return answer(200, { return_code: 400, message: "The file cannot be accepted." });
    }
    const { content, name } = received;
    const slug = newSlug();
    state.files.push({ slug, batch, number, content, name, folder: null, binned: false });
    return answer(200, {
      size: fault === "size" ? content.size + 1 : content.size,
      contentType: "document",
      md5: fault === "md5" ? WRONG_MD5 : content.md5,
      message: fault === "message" ? "Processing failed" : "Done",
      return_code: fault === "code-500" ? 500 : 200,
      slug,
    });
  });

  app.get("/ulozto/file/:slug/:name?", async (c) => {
    const file = state.files.find(({ slug }) => slug === c.req.param("slug"));
    if (file === undefined || file.batch.confirmedAt === null || file.binned)
      return c.text("There is no such file.\n", 404);
    return kit.store.download(file.content.key, file.name);
  });

  return app;
}

function answer(status: number, body: object): Response {
  return Response.json(body, { status });
}

/** Takes the part `file` in; null when there is none. */
async function receive(request: Request, kit: SandboxKit): Promise<{ name: string; content: StoredContent } | null> {
  let file: { name: string; content: StoredContent } | null = null;
  for await (const part of multipartParts(request)) {
    if (part.field !== "file" || part.fileName === null || file !== null) continue;
    file = { name: part.fileName, content: await kit.store.put(part.content) };
  }
  return file;
}
