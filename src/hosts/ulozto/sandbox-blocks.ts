import { type Context, Hono } from "hono";
import * as v from "valibot";
import type { SandboxEnv, SandboxKit } from "../sandbox.ts";
import { rawChunks } from "../sandbox-receive.ts";
import { BLOCK_SIZES } from "./block-plan.ts";
import { jsonBody, newSlug, type SandboxBlocks, type SandboxState } from "./sandbox-state.ts";

const VALID_SECONDS = 86_400;

const registration = v.object({
  batch_file_id: v.pipe(v.number(), v.integer(), v.minValue(1)),
  upload_signature: v.string(),
  name: v.pipe(v.string(), v.minLength(1)),
  filesize: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  chunksize: v.picklist([...BLOCK_SIZES]),
  crc32: v.nullable(v.unknown()),
});

/** The upload server for blocks. */
export function blockRoutes(state: SandboxState, kit: SandboxKit): Hono<SandboxEnv> {
  const app = new Hono<SandboxEnv>();
  const collection = "/ulozto/blocks/v1/chunked-file-upload";

  app.use("/ulozto/blocks/*", async (c, next) => {
    const leaked = ["x-auth-token", "x-user-token"].some((name) => c.req.header(name) !== undefined);
    return leaked ? answer(400, "A header of the API came to the upload server.") : next();
  });

  const find = (c: Context): SandboxBlocks | null =>
    state.blocks.get(`${c.req.param("batch")}/${Number(c.req.param("number"))}`) ?? null;

  app.post(collection, kit.step("register"), async (c) => {
    const asked = await jsonBody(c, registration);
    if (asked === null) return answer(400, "The request is not understood.");
    const batch = state.signatures.get(asked.upload_signature);
    if (batch === undefined) return answer(403, "The signature is not known.");
    const key = `${batch.slug}/${asked.batch_file_id}`;
    if (state.blocks.has(key)) return answer(400, "batch_file_id is taken.");
    const { name, filesize: size, chunksize: blockSize, batch_file_id: number } = asked;
    state.blocks.set(key, { batch, number, name, size, blockSize, stored: new Map(), joining: null });
    return c.json({
      upload_url: `${kit.origin()}${collection}/${key}`,
      valid_until: new Date(Date.now() + VALID_SECONDS * 1000).toISOString(),
      return_code: 200,
    });
  });

  app.post(`${collection}/:batch/:number/:block`, kit.step("block"), async (c) => {
    const upload = find(c);
    if (upload === null || c.get("fault") === "unknown") return answer(404, "There is no such upload.");
    const block = Number(c.req.param("block"));
    const content = await kit.store.put(rawChunks(c.req.raw));
    const fits = Number.isInteger(block) && block >= 1 && content.size === sizeOf(upload, block);
    if (!fits || c.get("fault") === "rejected") {
      await kit.store.remove(content.key);
      return answer(400, "The block has a wrong number or size.");
    }
    // `forgotten` answers as if it were there.
    if (c.get("fault") !== "forgotten") upload.stored.set(block, content);
    return c.json({ return_code: 200 });
  });

  app.get(`${collection}/:batch/:number/status`, kit.step("status"), async (c) => {
    const upload = find(c);
    const fault = c.get("fault");
    if (upload === null || fault === "unknown") return answer(404, "There is no such upload.");
    if (fault === "error") return c.json({ status: "error", return_code: 500, message: "Processing failed" });
    const count = Math.max(1, Math.ceil(upload.size / upload.blockSize));
    const missing = Array.from({ length: count }, (_, index) => index + 1).filter((block) => !upload.stored.has(block));
    if (fault === "nonsense") return c.json({ status: "processing", return_code: 200, missing_chunks: [count + 1] });
    if (missing.length > 0) return c.json({ status: "processing", return_code: 200, missing_chunks: missing });
    upload.joining ??= join(upload, count);
    return c.json({
      status: "finished",
      return_code: 200,
      irpc: { slug: await upload.joining, filename: upload.name },
      missing_chunks: [],
    });
  });

  const join = async (upload: SandboxBlocks, count: number): Promise<string> => {
    const parts = Array.from({ length: count }, (_, index) => upload.stored.get(index + 1)).filter(
      (part) => part !== undefined,
    );
    const content = await kit.store.join(parts);
    const slug = newSlug();
    const { batch, number, name } = upload;
    state.files.push({ slug, batch, number, content, name, folder: null, binned: false });
    return slug;
  };

  return app;
}

function sizeOf({ size, blockSize }: SandboxBlocks, block: number): number {
  return Math.min(blockSize, size - (block - 1) * blockSize);
}

function answer(status: number, message: string): Response {
  return Response.json({ return_code: status, message }, { status });
}
