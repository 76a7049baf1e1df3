import { mkdir, open, rename, rm, statfs } from "node:fs/promises";
import { newBody } from "../core/sources/spooled-bodies.ts";
import { AppError } from "../errors.ts";
import { declaredLength, tooLarge } from "./read-body.ts";

/** Bytes of the disk that requests may not fill, so that the database and uploads keep working. */
const KEPT_FREE = 1024 ** 3;
/** Bytes below which a body that is being written is given up. */
const LAST_RESERVE = 64 * 1024 ** 2;
const LOOK_EVERY_MS = 100;
/** A sender whose body stands still for longer is gone, or keeps a place that others wait for. */
const STALLED_MS = 10 * 60_000;

export interface SpoolOptions {
  readonly directory: string;
  /** Bytes; null: what the disk has, less a reserve. */
  readonly most: number | null;
}

export interface SpooledBody {
  readonly path: string;
  readonly size: number;
}

/** Bytes that a body may have. Fails with `too_large` or `state` when the declared length is more. */
export async function roomFor(request: Request, { directory, most }: SpoolOptions): Promise<number> {
  const free = await freeBytes(directory).catch((error) => Promise.reject(failure(error)));
  const room = free - KEPT_FREE;
  const limit = most ?? room;
  const length = declaredLength(request);
  if (most === null && room <= 0) throw full();
  if (length !== null && length > limit) throw tooLarge(limit);
  if (length !== null && length > free - LAST_RESERVE) throw full();
  return limit;
}

/**
 * Writes the request's body to a private file, without passing it through the heap; durable when it resolves. Nothing
 * is left behind on failure. Fails with `too_large`, `state` (disk) or `cancelled` (cut off).
 */
export async function spoolBody(request: Request, limit: number, { directory }: SpoolOptions): Promise<SpooledBody> {
  const { path, unfinished } = newBody(directory);
  try {
    const size = await write(request, unfinished, limit, directory);
    await rename(unfinished, path);
    await syncDirectory(directory);
    return { path, size };
  } catch (error) {
    // Why it failed matters more than that its remains could not be removed.
    await rm(unfinished, { force: true }).catch(() => {});
    throw failure(error);
  }
}

async function write(request: Request, path: string, limit: number, directory: string): Promise<number> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await using file = await open(path, "wx", 0o600);
  const stop = Promise.withResolvers<never>();
  stop.promise.catch(() => {});
  let grown = { size: 0, at: performance.now() };
  const look = async (): Promise<void> => {
    const { size } = await file.stat();
    if (size !== grown.size) grown = { size, at: performance.now() };
    if (size > limit) stop.reject(tooLarge(limit));
    else if (performance.now() - grown.at > STALLED_MS) stop.reject(stalled());
    else if ((await freeBytes(directory)) < LAST_RESERVE) stop.reject(full());
  };
  const timer = setInterval(() => void look().catch(stop.reject), LOOK_EVERY_MS);
  const written = request.body === null ? Promise.resolve(0) : Bun.write(Bun.file(file.fd), request);
  try {
    await Promise.race([written, stop.promise]);
  } finally {
    clearInterval(timer);
  }
  const { size } = await file.stat();
  if (size > limit) throw tooLarge(limit);
  await file.sync();
  return size;
}

async function freeBytes(directory: string): Promise<number> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, "r");
  await handle.sync();
}

function failure(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : "";
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") return full();
  if (error instanceof DOMException || code === "ECONNRESET") {
    return new AppError("cancelled", "the body was cut off", { cause: error });
  }
  return new AppError("state", `the body cannot be written (${String(code) || "unknown failure"})`, { cause: error });
}

function stalled(): AppError {
  return new AppError("timeout", "the body has stood still for ten minutes");
}

function full(): AppError {
  return new AppError("state", "the disk has no room for this body", { hint: "free some space" });
}
