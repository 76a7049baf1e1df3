import type { ByteRange, Source } from "./source.ts";

/** What a request sends, and how much of it the socket has taken. Each `stream()` starts anew. */
export interface Body {
  /** Bytes; null sends `Transfer-Encoding: chunked`. */
  readonly length: number | null;
  /** Content-Type; null sends none. */
  readonly type: string | null;
  /** Must be awaited before each request: an empty body has no last chunk that could wait for what comes before it. */
  prepare(): Promise<void>;
  stream(): ReadableStream<Uint8Array>;
  /** The connection stands: the first byte was asked for. */
  readonly started: boolean;
  /** The last byte was handed over: the host may hold everything. */
  readonly complete: boolean;
  /** `performance.now()` since when the socket has not asked for more; null while we are the ones it waits for. */
  readonly waitingSince: number | null;
}

export interface UploadBodyOptions {
  /** Runs before the last chunk is handed over, and once per stream. */
  readonly beforeLast: () => Promise<void>;
}

/** A source as the whole body, for hosts that take raw bytes. */
export function rawBody(source: Source, type: string | null, options: UploadBodyOptions): Body {
  return new TrackedBody(source.size, type, async function* () {
    if (source.size === null) {
      yield* holdBack(source.open(), options.beforeLast);
      return;
    }
    let sent = 0;
    for await (const chunk of source.open()) {
      sent += chunk.byteLength;
      if (sent === source.size) await options.beforeLast();
      yield chunk;
    }
    if (source.size === 0) await options.beforeLast();
  });
}

/** A part of a source as the whole body: a block. */
export function rangeBody(source: Source, range: ByteRange): Body {
  return new TrackedBody(range.end - range.start, "application/octet-stream", async function* () {
    yield* source.open(range);
  });
}

/** Bytes of a source that is handed over in one chunk with what frames it. */
const SHORT = 64 * 1024;

/**
 * Whether `beforeLast` of its multipart body runs before the first byte, because the only chunk is the last. A host that
 * waits for a source with a rate limit must see bytes now and then.
 */
export function goesAtOnce(source: Source & { readonly size: number }): boolean {
  return source.size <= SHORT && source.paced !== true;
}

/**
 * `multipart/form-data` with the source as its only part. `fileName` is escaped as browsers do; it must be free of NUL.
 */
export function multipartBody(
  source: Source & { readonly size: number },
  part: { readonly field: string; readonly fileName: string },
  options: UploadBodyOptions,
): Body {
  const boundary = `----hoist${crypto.randomUUID().replaceAll("-", "")}`;
  const head = new TextEncoder().encode(
    `--${boundary}\r\nContent-Disposition: form-data; name="${part.field}"; filename="${escapeParameter(part.fileName)}"\r\n` +
      "Content-Type: application/octet-stream\r\n\r\n",
  );
  const tail = new TextEncoder().encode(`\r\n--${boundary}--\r\n`);
  const length = head.byteLength + source.size + tail.byteLength;
  return new TrackedBody(length, `multipart/form-data; boundary=${boundary}`, async function* () {
    if (goesAtOnce(source)) {
      const whole = await joined(head, source.open(), tail);
      await options.beforeLast();
      yield whole;
      return;
    }
    yield head;
    yield* source.open();
    await options.beforeLast();
    yield tail;
  });
}

/** A short text body: an API call. Sent as a stream so that connecting, sending and waiting can be told apart. */
export function textBody(text: string, type: string): Body {
  const bytes = new TextEncoder().encode(text);
  return new TrackedBody(bytes.byteLength, type, async function* () {
    if (bytes.byteLength > 0) yield bytes;
  });
}

export function jsonBody(value: unknown): Body {
  return textBody(JSON.stringify(value), "application/json");
}

export function formBody(fields: Readonly<Record<string, string>>): Body {
  return textBody(new URLSearchParams(fields).toString(), "application/x-www-form-urlencoded");
}

function escapeParameter(name: string): string {
  return name.replaceAll("\r", "%0D").replaceAll("\n", "%0A").replaceAll('"', "%22");
}

/** Yields everything of `chunks`, having run `beforeLast` before the final chunk (or before the end of nothing). */
async function* holdBack(
  chunks: AsyncIterable<Uint8Array>,
  beforeLast: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | null = null;
  for await (const chunk of chunks) {
    if (held !== null) yield held;
    held = chunk;
  }
  await beforeLast();
  if (held !== null) yield held;
}

async function joined(head: Uint8Array, chunks: AsyncIterable<Uint8Array>, tail: Uint8Array): Promise<Uint8Array> {
  const parts = [head];
  // A copy: the source uses a chunk's memory again.
  for await (const chunk of chunks) parts.push(chunk.slice());
  return Buffer.concat([...parts, tail]);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

class TrackedBody implements Body {
  readonly length: number | null;
  readonly type: string | null;
  started = false;
  complete = false;
  waitingSince: number | null = null;
  private readonly chunks: () => AsyncGenerator<Uint8Array>;

  constructor(length: number | null, type: string | null, chunks: () => AsyncGenerator<Uint8Array>) {
    this.length = length;
    this.type = type;
    this.chunks = chunks;
  }

  async prepare(): Promise<void> {
    if (this.length !== 0) return;
    for await (const _ of this.chunks());
  }

  /**
   * A pull stream without a queue of its own: a pull means that the socket has taken what came before. `complete` is
   * set with the chunk that ends the body, because after it the host may hold everything.
   */
  stream(): ReadableStream<Uint8Array> {
    this.started = false;
    this.complete = false;
    this.waitingSince = null;
    const chunks = this.length === 0 ? nothing() : this.chunks();
    let sent = 0;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          this.started = true;
          this.complete = this.complete || this.length === 0;
          this.waitingSince = null;
          const next = await chunks.next();
          if (next.done === true) {
            this.complete = true;
            this.waitingSince = performance.now();
            controller.close();
            return;
          }
          sent += next.value.byteLength;
          if (sent === this.length) this.complete = true;
          this.waitingSince = performance.now();
          controller.enqueue(next.value);
        },
        cancel: async () => {
          await chunks.return(undefined);
        },
      },
      { highWaterMark: 0 },
    );
  }
}
