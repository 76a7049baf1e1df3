import { toAppError } from "../../errors.ts";
import type { HostEnv, UploadContext } from "../host.ts";
import { type BlockUpload, checkpointOfBlocks } from "./block-checkpoint.ts";

/** Keeps the checkpoint of an upload in blocks in step with what the host confirms. */
export interface BlockRecord {
  /** The host has the block. */
  confirm(number: number): void;
  /** Resolves once everything confirmed is durable; fails with what a write failed with. */
  settle(): Promise<void>;
}

/** A fast line confirms hundreds of blocks a second: they share a write. After a crash the host tells the rest. */
const WRITE_EVERY_MS = 250;

/** `broken` is told once when a write fails: the upload may no longer be ours. */
export function createBlockRecord(
  upload: BlockUpload,
  ctx: UploadContext,
  env: Pick<HostEnv, "sleep">,
  broken: (error: Error) => void,
): BlockRecord {
  let dirty = false;
  let writing: Promise<void> | null = null;
  let failure: Error | null = null;
  const hurry = new AbortController();

  const write = async () => {
    while (dirty && failure === null) {
      dirty = false;
      const grown = upload.stored.size > upload.most;
      if (grown) upload.most = upload.stored.size;
      await ctx.phase("sending", checkpointOfBlocks(upload), grown ? "confirmed" : undefined);
      await env.sleep(WRITE_EVERY_MS, hurry.signal).catch(() => {});
    }
  };
  const start = () => {
    writing ??= write()
      .catch((thrown) => {
        failure = toAppError(thrown);
        broken(failure);
      })
      .finally(() => {
        writing = null;
        if (dirty && failure === null) start();
      });
  };

  return {
    confirm(number) {
      upload.stored.add(number);
      dirty = true;
      start();
    },
    async settle() {
      hurry.abort();
      while (writing !== null) await writing;
      if (failure !== null) throw failure;
    },
  };
}
