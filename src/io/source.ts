import { type BigIntStats, closeSync, fstatSync } from "node:fs";
import { stat } from "node:fs/promises";
import { AppError } from "../errors.ts";
import { createGiven, type Given } from "./given.ts";
import { createHash, type Hash } from "./hash.ts";
import { openRegular } from "./open-regular.ts";
import { readRange } from "./read-range.ts";
import { cut, type Throttle } from "./throttle.ts";

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
   * the caller; a range's only until the second chunk after it is asked for. Fails with `source` when the file changes or ends early.
   */
  open(range?: ByteRange): AsyncIterable<Uint8Array>;
  /** A rate limit holds its bytes back. */
  readonly paced?: boolean;
  /** True: a pipe that was read; it cannot be sent again. */
  readonly spent: boolean;
  /** Bytes that the last `open()` of everything gave. */
  readonly bytesRead: number;
  /** MD5 (lower-case hex) of the last complete `open()` of everything; null unless it was asked for. */
  md5(): string | null;
  /** MD5 of everything, read beside the transfer: neither counted nor throttled, and once however often it is asked for. */
  wholeMd5?(): Promise<string>;
  /** Of a file: what it was when it was opened. */
  readonly identity?: FileIdentity;
  /** Counts these ranges as given and all else as not: an upload goes on, or starts anew. */
  recount?(given: Iterable<ByteRange>): void;
  /** Gives the descriptor back until bytes are asked for again: files that only wait for a commit need none. */
  rest(): void;
  /** Fails with `source`, carrying `url`, when the file is no longer what was opened. A deleted name is no change. */
  assertUnchanged(url?: string): Promise<void>;
}

export interface SourceOptions {
  readonly hash: boolean;
  /** Asked before each chunk is given; chunks are cut to what it lets through at once. */
  readonly throttle?: Throttle;
  /**
   * Called with the size of each chunk given, with what a range had given before when it is opened anew, and with what
   * a recount changes: such bytes were not moved now.
   */
  readonly onBytes?: (delta: number, moved: boolean) => void;
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
  wholeMd5(): Promise<string>;
  recount(given: Iterable<ByteRange>): void;
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
  return openWith(path, () => openRegular(path), options);
}

/** A file that `open` opens and judges, again after each `rest`: it gives the descriptor of a regular file or fails. */
export function openWith(path: string, open: () => number, options: SourceOptions): FileSource {
  return new OpenFile(path, open, options);
}

class OpenFile implements FileSource {
  readonly label: string;
  readonly size: number;
  readonly identity: FileIdentity;
  readonly spent = false;
  readonly paced: boolean;
  bytesRead = 0;
  private readonly openAgain: () => number;
  private readonly options: SourceOptions;
  /** Null while at rest. */
  private descriptor: number | null;
  private readonly given: Given;
  private digest: string | null = null;
  private whole: Promise<string> | null = null;
  private disposed = false;
  /** How often everything was opened. */
  private opened = 0;

  constructor(path: string, open: () => number, options: SourceOptions) {
    this.label = path;
    this.openAgain = open;
    this.descriptor = open();
    this.identity = identityOf(fstatSync(this.descriptor, { bigint: true }));
    this.size = this.identity.size;
    this.options = options;
    this.paced = options.throttle !== undefined;
    this.given = createGiven(options.onBytes);
  }

  rest(): void {
    if (this.disposed || this.descriptor === null) return;
    closeSync(this.descriptor);
    this.descriptor = null;
  }

  /** The descriptor, of the very file that was opened first. */
  private held(): number {
    this.assertOpen();
    if (this.descriptor !== null) return this.descriptor;
    const descriptor = this.openAgain();
    const { size, mtimeNs, inode } = identityOf(fstatSync(descriptor, { bigint: true }));
    if (size !== this.size || mtimeNs !== this.identity.mtimeNs || inode !== this.identity.inode) {
      closeSync(descriptor);
      throw this.changed();
    }
    this.descriptor = descriptor;
    return descriptor;
  }

  md5(): string | null {
    return this.digest;
  }

  wholeMd5(): Promise<string> {
    this.whole ??= this.hashAll();
    this.whole.catch(() => {
      this.whole = null;
    });
    return this.whole;
  }

  private async hashAll(): Promise<string> {
    using hash = createHash(this.size);
    for await (const _ of this.readRange({ start: 0, end: this.size }, hash));
    await this.assertUnchanged();
    return hash.digest();
  }

  recount(ranges: Iterable<ByteRange>): void {
    this.given.recount(ranges);
  }

  open(range?: ByteRange): AsyncIterable<Uint8Array> {
    return range === undefined ? this.all() : this.part(range, this.readRange(range));
  }

  private async *all(): AsyncGenerator<Uint8Array> {
    this.opened += 1;
    const turn = this.opened;
    this.bytesRead = 0;
    this.digest = null;
    this.recount([]);
    using hash = this.options.hash ? createHash(this.size) : null;
    const range = { start: 0, end: this.size };
    if (this.size === 0) this.digest = (await hash?.digest()) ?? null;
    for await (const chunk of this.part(range, this.readRange(range, hash))) {
      if (turn !== this.opened) throw this.sentAnew();
      this.bytesRead += chunk.byteLength;
      const digest = this.bytesRead === this.size ? await hash?.digest() : null;
      if (turn !== this.opened) throw this.sentAnew();
      this.digest = digest ?? null;
      yield chunk;
    }
  }

  private async *part({ start, end }: ByteRange, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let position = start;
    let lookedAt = performance.now();
    const turn = this.given.begin(start);
    for await (const chunk of cut(bytes, this.options.throttle)) {
      position += chunk.byteLength;
      if (position === end || performance.now() - lookedAt > WATCH_EVERY_MS) {
        await this.assertUnchanged();
        lookedAt = performance.now();
      }
      this.assertOpen();
      turn.add(chunk.byteLength);
      yield chunk;
    }
    if (position !== end) throw this.changed();
    if (start === end) await this.assertUnchanged();
  }

  private readRange(range: ByteRange, hash: Hash | null = null): AsyncIterable<Uint8Array> {
    const descriptor = this.held();
    const assertOpen = () => {
      this.assertOpen();
      // Its number may belong to another file by now.
      if (this.descriptor !== descriptor) throw new AppError("cancelled", `${this.label}: its bytes were sent`);
    };
    return readRange({ descriptor, label: this.label, assertOpen }, range, hash);
  }

  async assertUnchanged(url?: string): Promise<void> {
    const now = identityOf(fstatSync(this.held(), { bigint: true }));
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

  /** A broken attempt may still be reading when the next one begins: it must not count what it reads. */
  private sentAnew(): AppError {
    return new AppError("cancelled", `${this.label}: it is sent anew`);
  }

  private assertOpen(): void {
    if (this.disposed) throw new AppError("cancelled", `${this.label}: its upload has ended`);
  }

  [Symbol.dispose](): void {
    if (this.disposed) return;
    this.rest();
    this.disposed = true;
  }
}
