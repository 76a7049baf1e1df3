import { HTTPException } from "hono/http-exception";

/** One part of a multipart body. */
export interface ReceivedPart {
  /** The form field's name; empty when the part has none. */
  readonly field: string;
  /** As sent, escapes of quotes apart; null for a plain field. */
  readonly fileName: string | null;
  readonly type: string | null;
  /** Read once; what is left of it is skipped when the next part is asked for. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** Longer header blocks of a part are refused. */
const MAX_PART_HEADERS = 16 * 1024;

/** The bytes of a raw body as they arrive. */
export async function* rawChunks(request: Request): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  yield* request.body as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>;
}

/**
 * The parts of a `multipart/form-data` body as they arrive: nothing is held but one chunk. Own code, because the
 * simulation shall see what was sent and nothing kinder: a file name as it stands, a missing end as the failure it is.
 * Throws an HTTPException with status 400.
 */
export async function* multipartParts(request: Request): AsyncGenerator<ReceivedPart> {
  const window = new Window(rawChunks(request), boundaryOf(request));
  for await (const _ of window.untilBoundary()) {
    // Whatever stands before the first boundary means nothing.
  }
  while (await window.opensPart()) {
    const headers = parseHeaders(await window.headers(MAX_PART_HEADERS));
    const content = window.untilBoundary();
    const disposition = headers.get("content-disposition") ?? "";
    yield {
      field: parameter(disposition, "name") ?? "",
      fileName: parameter(disposition, "filename"),
      type: headers.get("content-type") ?? null,
      content,
    };
    for await (const _ of content) {
      // The reader did not want the rest.
    }
  }
  await window.drain();
}

function boundaryOf(request: Request): string {
  const type = request.headers.get("content-type") ?? "";
  const match = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(type);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw malformed("no multipart/form-data with a boundary");
  return boundary;
}

/** The bytes that have arrived and are not yet told apart. */
class Window {
  private readonly source: AsyncIterator<Uint8Array>;
  private readonly delimiter: Buffer;
  /** The first boundary needs no line end of its own before it. */
  private held: Buffer = Buffer.from("\r\n");

  constructor(source: AsyncIterator<Uint8Array>, boundary: string) {
    this.source = source;
    this.delimiter = Buffer.from(`\r\n--${boundary}`);
  }

  /** Everything up to the next boundary, which is taken away. */
  async *untilBoundary(): AsyncGenerator<Uint8Array> {
    const keep = this.delimiter.length - 1;
    for (;;) {
      const at = this.held.indexOf(this.delimiter);
      if (at >= 0) {
        const rest = this.held.subarray(0, at);
        this.held = this.held.subarray(at + this.delimiter.length);
        if (rest.length > 0) yield rest;
        return;
      }
      if (this.held.length > keep) {
        const whole = this.held.subarray(0, this.held.length - keep);
        this.held = this.held.subarray(this.held.length - keep);
        yield whole;
      }
      await this.more("the body ends inside a part");
    }
  }

  /** What follows a boundary: true is another part, false the end. */
  async opensPart(): Promise<boolean> {
    while (this.held.length < 2) await this.more("the body ends after a boundary");
    const mark = this.held.toString("latin1", 0, 2);
    if (mark !== "\r\n" && mark !== "--") throw malformed("a boundary is followed by neither a part nor the end");
    // The line end stays: a part without headers begins with an empty line.
    if (mark === "--") this.held = this.held.subarray(2);
    return mark === "\r\n";
  }

  /** The header block, up to and without its empty line. */
  async headers(limit: number): Promise<string> {
    for (;;) {
      const at = this.held.indexOf("\r\n\r\n");
      if (at >= 0) {
        const block = this.held.toString("utf8", 0, at);
        this.held = this.held.subarray(at + 4);
        return block;
      }
      if (this.held.length > limit) throw malformed("the headers of a part are too long");
      await this.more("the body ends inside the headers of a part");
    }
  }

  async drain(): Promise<void> {
    while (!(await this.source.next()).done) {
      // What follows the last boundary means nothing.
    }
  }

  private async more(otherwise: string): Promise<void> {
    const next = await this.source.next();
    if (next.done === true) throw malformed(otherwise);
    this.held = this.held.length === 0 ? Buffer.from(next.value) : Buffer.concat([this.held, next.value]);
  }
}

function parseHeaders(block: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of block.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

/** A quoted parameter; a quote inside is one with a backslash before it, every other backslash is itself. */
function parameter(header: string, name: string): string | null {
  const match = new RegExp(`;\\s*${name}="(.*?)(?<!\\\\)"\\s*(?:;|$)`, "i").exec(header);
  const raw = match?.[1] ?? new RegExp(`;\\s*${name}="(.*?)"\\s*(?:;|$)`, "i").exec(header)?.[1];
  return raw === undefined ? null : raw.replaceAll('\\"', '"');
}

function malformed(why: string): HTTPException {
  return new HTTPException(400, { message: `malformed body: ${why}` });
}
