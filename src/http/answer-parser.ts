import { AppError } from "../errors.ts";

/** What is known of an answer once its head is there. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: Headers;
}

/** Reads one HTTP/1.1 answer as its bytes come. Everything that is no such answer fails with `host_protocol`. */
export interface AnswerParser {
  /** Null until the head is complete; an interim answer (1xx) is none. */
  readonly head: AnswerHead | null;
  /** The answer is complete. */
  readonly done: boolean;
  /** Takes bytes and gives those of the answer's body in them. */
  feed(bytes: Uint8Array): Uint8Array;
  /** The connection has ended. True when that ends the answer. */
  end(): boolean;
}

const LONGEST_HEAD = 64 * 1024;
const LONGEST_CHUNK_LINE = 1024;
const NOTHING = new Uint8Array();

/** How the end of a body is told. */
type Framing =
  | { readonly kind: "length"; left: number }
  | { readonly kind: "chunks"; left: number; part: "size" | "data" | "end" | "trailers" }
  | { readonly kind: "close" };

export function createAnswerParser(): AnswerParser {
  let waiting: Uint8Array = NOTHING;
  let head: AnswerHead | null = null;
  let framing: Framing = { kind: "close" };
  let done = false;

  /** The text up to the next line end of `mark`, taken out of what waits; null while it is not there. */
  const take = (mark: string, most: number): string | null => {
    const at = Buffer.from(waiting.buffer, waiting.byteOffset, waiting.byteLength).indexOf(mark);
    if (at < 0 && waiting.byteLength <= most) return null;
    if (at < 0 || at > most) throw unreadable("a line of it is too long");
    const text = Buffer.from(waiting.subarray(0, at)).toString("latin1");
    waiting = waiting.subarray(at + mark.length);
    return text;
  };

  const readHead = (): boolean => {
    const text = take("\r\n\r\n", LONGEST_HEAD);
    if (text === null) return false;
    const read = headOf(text);
    if (read.status >= 200) {
      head = read;
      framing = framingOf(read);
      done = framing.kind === "length" && framing.left === 0;
    } else if (read.status === 101) throw unreadable("it changes the protocol");
    return true;
  };

  const takeBytes = (most: number): Uint8Array => {
    const bytes = waiting.subarray(0, most);
    waiting = waiting.subarray(bytes.byteLength);
    return bytes;
  };

  const readChunks = (chunked: Extract<Framing, { kind: "chunks" }>): Uint8Array => {
    const parts: Uint8Array[] = [];
    for (;;) {
      if (chunked.part === "data") {
        const bytes = takeBytes(chunked.left);
        parts.push(bytes);
        chunked.left -= bytes.byteLength;
        if (chunked.left > 0) break;
        chunked.part = "end";
      }
      const line = take("\r\n", LONGEST_CHUNK_LINE);
      if (line === null) break;
      if (chunked.part === "size") {
        const size = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
        if (size === undefined) throw unreadable("a chunk has no size");
        chunked.left = Number.parseInt(size, 16);
        chunked.part = chunked.left === 0 ? "trailers" : "data";
      } else if (chunked.part === "end") {
        if (line !== "") throw unreadable("a chunk is longer than its size");
        chunked.part = "size";
      } else if (line === "") {
        done = true;
        break;
      }
    }
    return parts.length === 1 ? (parts[0] ?? NOTHING) : Buffer.concat(parts);
  };

  return {
    get head() {
      return head;
    },
    get done() {
      return done;
    },
    feed(bytes) {
      waiting = waiting.byteLength === 0 ? bytes.slice() : Buffer.concat([waiting, bytes]);
      while (head === null) if (!readHead()) return NOTHING;
      if (done) return NOTHING;
      if (framing.kind === "chunks") return readChunks(framing);
      if (framing.kind === "close") return takeBytes(waiting.byteLength);
      const body = takeBytes(framing.left);
      framing.left -= body.byteLength;
      done = framing.left === 0;
      return body;
    },
    end() {
      if (head !== null && framing.kind === "close") done = true;
      return done;
    },
  };
}

function headOf(text: string): AnswerHead {
  const [first = "", ...lines] = text.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  if (status === undefined || Number(status) < 100 || Number(status) > 599) throw unreadable("it has no status");
  const headers = new Headers();
  for (const line of lines) {
    const [, name, value = ""] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value.includes("\0")) throw unreadable("a header of it is none");
    headers.append(name, value);
  }
  return { status: Number(status), headers };
}

function framingOf({ status, headers }: AnswerHead): Framing {
  if (status === 204 || status === 304) return { kind: "length", left: 0 };
  const coding = headers.get("Transfer-Encoding");
  if (coding !== null) {
    if (coding.trim().toLowerCase() !== "chunked") throw unreadable("its coding is not known");
    return { kind: "chunks", left: 0, part: "size" };
  }
  const lengths = new Set(
    headers
      .get("Content-Length")
      ?.split(",")
      .map((length) => length.trim()) ?? [],
  );
  if (lengths.size === 0) return { kind: "close" };
  const [length = ""] = lengths;
  if (lengths.size > 1 || !/^\d{1,15}$/.test(length)) throw unreadable("its length is none");
  return { kind: "length", left: Number(length) };
}

function unreadable(why: string): AppError {
  return new AppError("host_protocol", `the answer is no HTTP: ${why}`);
}
