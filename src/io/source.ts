import { type BigIntStats, closeSync, constants, fstatSync, openSync } from "node:fs";
import { stat } from "node:fs/promises";
import { AppError } from "../errors.ts";
import type { Throttle } from "./throttle.ts";

/** Half-open: `end` is the first byte not included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Bytes to upload. Reading counts, throttles, hashes and notices a changing file: a host cannot forget or fake it. */
export interface Source {
  /** For messages only; the name on the host is the target's. */
  readonly label: string;
  /** Bytes; null for a stream whose end is not known. */
  readonly size: number | null;
  /**
   * The bytes of `range` (default: all), from the start at each call; a pipe can be opened once. A chunk belongs to
   * the caller. Fails with `source` when the file changes or ends early.
   */
  open(range?: ByteRange): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** True: a pipe that was read; it cannot be sent again. */
  readonly spent: boolean;
  /** Bytes that the last `open()` of everything gave. */
  readonly bytesRead: number;
  /** MD5 (lower-case hex) of the last complete `open()` of everything; null unless it was asked for. */
  md5(): string | null;
  /** Fails with `source`, carrying `url`, when the file is no longer what was opened. A deleted name is no change. */
  assertUnchanged(url?: string): Promise<void>;
}

export interface SourceOptions {
  readonly hash: boolean;
  /** Asked before each chunk is given; chunks are cut to what it lets through at once. */
  readonly throttle?: Throttle;
  /** Called with the size of each chunk given, and with what a range had given before when it is opened anew. */
  readonly onBytes?: (delta: number) => void;
}

/** What identifies the content of a file without reading it. */
export interface FileIdentity {
  readonly size: number;
  /** Nanoseconds since the epoch, decimal. */
  readonly mtimeNs: string;
  /** `dev:ino`, decimal. */
  readonly inode: string;
}

export interface FileSource extends Source, Disposable {
  readonly size: number;
  readonly identity: FileIdentity;
}

/** How often a running transfer looks whether its file stands still. */
const WATCH_EVERY_MS = 200;

export function identityOf(stats: BigIntStats): FileIdentity {
  return { size: Number(stats.size), mtimeNs: String(stats.mtimeNs), inode: `${stats.dev}:${stats.ino}` };
}

/**
 * Opens a regular file once; every stream reads from that descriptor. A FIFO or device is refused without waiting
 * for it. Fails with `source`.
 */
export function openFile(path: string, options: SourceOptions): FileSource {
  const descriptor = openDescriptor(path);
  try {
    const stats = fstatSync(descriptor, { bigint: true });
    if (!stats.isFile()) throw notRegular(path, stats);
    return sourceOfDescriptor(path, descriptor, options);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** A regular file that is open already; the source closes it. */
export function sourceOfDescriptor(path: string, descriptor: number, options: SourceOptions): FileSource {
  return new OpenFile(path, descriptor, identityOf(fstatSync(descriptor, { bigint: true })), options);
}

function openDescriptor(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw cannotRead(path, error);
  }
}

/** Why a path cannot be uploaded, from what the file system said. */
export function cannotRead(path: string, error: unknown): AppError {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  const why =
    code === "ENOENT" || code === "ENOTDIR"
      ? "no such file"
      : code === "EACCES" || code === "EPERM"
        ? "permission denied"
        : code === "ENXIO"
          ? "not a regular file"
          : code === "ENAMETOOLONG"
            ? "the path is too long"
            : code === "ELOOP"
              ? "too many levels of symbolic links"
              : `cannot be read (${code || "unknown"})`;
  return new AppError("source", `${path}: ${why}`, { cause: error });
}

export function notRegular(path: string, stats: Pick<BigIntStats, "isDirectory" | "isFIFO" | "isSocket">): AppError {
  const what = stats.isDirectory()
    ? "a directory"
    : stats.isFIFO()
      ? "a named pipe"
      : stats.isSocket()
        ? "a socket"
        : "a device";
  return new AppError("source", `${path}: is ${what}, not a regular file`);
}

class OpenFile implements FileSource {
  readonly label: string;
  readonly size: number;
  readonly identity: FileIdentity;
  readonly spent = false;
  bytesRead = 0;
  private readonly descriptor: number;
  private readonly options: SourceOptions;
  /** Bytes given by the last stream from each start. */
  private readonly given = new Map<number, number>();
  private digest: string | null = null;
  private disposed = false;

  constructor(path: string, descriptor: number, identity: FileIdentity, options: SourceOptions) {
    this.label = path;
    this.descriptor = descriptor;
    this.identity = identity;
    this.size = identity.size;
    this.options = options;
  }

  md5(): string | null {
    return this.digest;
  }

  open(range?: ByteRange): AsyncIterable<Uint8Array<ArrayBuffer>> {
    return range === undefined ? this.all() : this.part(range);
  }

  private async *all(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    this.bytesRead = 0;
    this.digest = null;
    const hasher = this.options.hash ? new Bun.CryptoHasher("md5") : null;
    for await (const chunk of this.part({ start: 0, end: this.size })) {
      hasher?.update(chunk);
      this.bytesRead += chunk.byteLength;
      if (this.bytesRead === this.size) this.digest = hasher?.digest("hex") ?? null;
      yield chunk;
    }
    if (this.size === 0) this.digest = hasher?.digest("hex") ?? null;
  }

  private async *part({ start, end }: ByteRange): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    let position = start;
    let lookedAt = performance.now();
    this.takeBack(start);
    for await (const chunk of cut(this.read(start, end), this.options.throttle)) {
      position += chunk.byteLength;
      if (position === end || performance.now() - lookedAt > WATCH_EVERY_MS) {
        await this.assertUnchanged();
        lookedAt = performance.now();
      }
      this.assertOpen();
      this.given.set(start, position - start);
      this.options.onBytes?.(chunk.byteLength);
      yield chunk;
    }
    if (position !== end) throw this.changed();
    if (start === end) await this.assertUnchanged();
  }

  /**
   * Bun.file on the descriptor: positional reads, repeatable, growth beyond `end` is ignored. Bun reads from a
   * duplicate, so a stream that is still about never sees another file under a number that was given away.
   */
  private async *read(start: number, end: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    this.assertOpen();
    if (start === end) return;
    try {
      yield* Bun.file(this.descriptor).slice(start, end).stream() as ReadableStream<Uint8Array<ArrayBuffer>> &
        AsyncIterable<Uint8Array<ArrayBuffer>>;
    } catch (error) {
      throw cannotRead(this.label, error);
    }
  }

  private takeBack(start: number): void {
    const before = this.given.get(start) ?? 0;
    if (before > 0) this.options.onBytes?.(-before);
    this.given.delete(start);
  }

  async assertUnchanged(url?: string): Promise<void> {
    this.assertOpen();
    const now = identityOf(fstatSync(this.descriptor, { bigint: true }));
    if (now.size !== this.identity.size || now.mtimeNs !== this.identity.mtimeNs) throw this.changed(url);
    const named = await stat(this.label, { bigint: true }).catch(() => null);
    if (named !== null && identityOf(named).inode !== this.identity.inode) throw this.changed(url);
  }

  private changed(url?: string): AppError {
    return new AppError("source", `${this.label}: the file changed while it was sent`, {
      hint: "upload it again when nothing writes to it",
      url,
    });
  }

  private assertOpen(): void {
    if (this.disposed) throw new AppError("cancelled", `${this.label}: its upload has ended`);
  }

  [Symbol.dispose](): void {
    if (this.disposed) return;
    this.disposed = true;
    closeSync(this.descriptor);
  }
}

/** Chunks no larger than what the throttle lets through at once, each when it does. */
export async function* cut(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  throttle: Throttle | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const chunk of chunks) {
    if (throttle === undefined) yield chunk;
    else {
      for (let start = 0; start < chunk.byteLength; ) {
        const piece = chunk.subarray(start, start + throttle.grain());
        await throttle.take(piece.byteLength);
        start += piece.byteLength;
        yield piece;
      }
    }
  }
}
