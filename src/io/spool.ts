import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { readStream } from "./read-stream.ts";
import { type FileIdentity, identityOf } from "./source.ts";

/** What must stay free on the disk, so that a spool never takes the database's room. */
const RESERVE_BYTES = 64 * 1024 * 1024;
const LOOK_EVERY_BYTES = 16 * 1024 * 1024;

export interface Spooled {
  readonly path: string;
  readonly identity: FileIdentity;
}

/** Whether a file of a spool directory is, by its name, a copy that `spool` makes: what else lies there is not hoist's. */
export function isCopy(name: string): boolean {
  return /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/.test(name);
}

/**
 * Copies a stream into a private file of `directory`, looking at the free space as it grows. Nothing is left behind
 * on failure. Fails with `state` when it cannot be written, with what reading `input` throws, or `cancelled`.
 */
export async function spool(
  input: ReadableStream<Uint8Array<ArrayBuffer>>,
  directory: string,
  signal: AbortSignal,
): Promise<Spooled> {
  const path = join(directory, crypto.randomUUID());
  const file = await openNew(path, directory);
  try {
    await copy(input, file, directory, signal);
    return { path, identity: identityOf(await stat(path, { bigint: true })) };
  } catch (error) {
    await rm(path, { force: true });
    throw cannotWrite(error);
  } finally {
    await file.close();
  }
}

async function openNew(path: string, directory: string): Promise<FileHandle> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  } catch (error) {
    throw cannotWrite(error);
  }
}

async function copy(
  input: ReadableStream<Uint8Array<ArrayBuffer>>,
  file: FileHandle,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  let sinceLook = 0;
  for await (const chunk of readStream("standard input", input, signal)) {
    if (sinceLook === 0) await assertRoom(directory);
    sinceLook = sinceLook + chunk.byteLength >= LOOK_EVERY_BYTES ? 0 : sinceLook + chunk.byteLength;
    for (let written = 0; written < chunk.byteLength; ) {
      written += (await file.write(chunk, written)).bytesWritten;
    }
  }
  await file.sync();
}

async function assertRoom(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < RESERVE_BYTES) throw full();
}

function cannotWrite(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown failure";
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") return full();
  return new AppError("state", `a copy of standard input cannot be written: ${code}`, {
    hint: "check who owns the state directory and its rights, or choose another one with --state-dir",
    cause: error,
  });
}

function full(): AppError {
  return new AppError("state", "the disk has no room for a copy of standard input", {
    hint: "free some space or choose another --state-dir",
  });
}
