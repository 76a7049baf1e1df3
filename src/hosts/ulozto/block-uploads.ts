import type { HostEnv, UploadContext } from "../host.ts";
import type { BlockUpload } from "./block-checkpoint.ts";
import { isWorthBlocks } from "./block-plan.ts";
import type { Blocks } from "./blocks.ts";
import type { BodySpec, StoredFile } from "./upload.ts";

/** Whether files go in blocks, and those that do. */
export interface BlockUploads {
  /** `begun`: some blocks of it are on the host. */
  wanted(size: number, begun: boolean, ctx: UploadContext): boolean;
  /** Null: the host offers no blocks and the file may go in one piece. Fails with `host_rejected` where it may not. */
  send(
    source: BodySpec["source"],
    name: string,
    from: BlockUpload | null,
    ctx: UploadContext,
  ): Promise<{ readonly batch: string; readonly number: number; readonly file: StoredFile } | null>;
}

/** For so long a host that has refused blocks is not asked for them again. */
const REFUSAL_HOLDS_MS = 60 * 60_000;

export function createBlockUploads(blocks: Blocks, env: HostEnv): BlockUploads {
  let refusedUntil = Number.NEGATIVE_INFINITY;
  return {
    wanted(size, begun, { options }) {
      // An empty file has no block.
      if (options.resumable === "never" || size === 0) return false;
      if (options.resumable === "always" || begun) return true;
      return isWorthBlocks(size) && env.now() >= refusedUntil;
    },
    async send(source, name, from, ctx) {
      const md5 = ctx.options.checksum ? source.wholeMd5?.() : undefined;
      const sent = await blocks.send(source, name, from, ctx);
      if (sent.kind === "stored") {
        await source.assertUnchanged();
        const { batch, number, slug } = sent;
        return { batch, number, file: { slug, size: source.size, md5: (await md5) ?? null, verified: null } };
      }
      if (ctx.options.resumable === "always") throw sent.error;
      refusedUntil = env.now() + REFUSAL_HOLDS_MS;
      ctx.note("Ulož.to does not offer uploads in blocks now: files are sent in one piece");
      return null;
    },
  };
}
