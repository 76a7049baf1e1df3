import { type BigIntStats, constants } from "node:fs";
import { mkdir, open, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { type FileIdentity, identityOf } from "./source.ts";

/** What must stay free on the disk, so that a spool never takes the database's room. */
const RESERVE_BYTES = 64 * 1024 * 1024;
const LOOK_EVERY_BYTES = 16 * 1024 * 1024;

export interface Spooled {
  readonly path: string;
  readonly identity: FileIdentity;
}

/**
 * Copies a stream into a private file of `directory`, looking at the free space as it grows. Nothing is left behind
 * on failure. Fails with `state` when there is no room.
 */
export async function spool(
  input: AsyncIterable<Uint8Array>,
  directory: string,
  signal: AbortSignal,
): Promise<Spooled> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, crypto.randomUUID());
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  let stats: BigIntStats;
  try {
    let sinceLook = 0;
    for await (const chunk of input) {
      if (signal.aborted) throw new AppError("cancelled", "stopped while standard input was copied");
      if (sinceLook === 0) await assertRoom(directory);
      sinceLook = sinceLook + chunk.byteLength >= LOOK_EVERY_BYTES ? 0 : sinceLook + chunk.byteLength;
      for (let written = 0; written < chunk.byteLength; ) {
        written += (await file.write(chunk, written)).bytesWritten;
      }
    }
    await file.sync();
    stats = await stat(path, { bigint: true });
  } catch (error) {
    await rm(path, { force: true });
    throw noRoom(error) ?? error;
  } finally {
    await file.close();
  }
  return { path, identity: identityOf(stats) };
}

async function assertRoom(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < RESERVE_BYTES) throw full();
}

function noRoom(error: unknown): AppError | null {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : null;
  return code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG" ? full() : null;
}

function full(): AppError {
  return new AppError("state", "the disk has no room for a copy of standard input", {
    hint: "free some space or choose another --state-dir",
  });
}
