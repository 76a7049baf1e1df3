import type { Head } from "./head.ts";

/** Takes bytes off the wire as they come and hands on those of one body, without keeping them. */
export interface BodyReader {
  /** Returns how many of the bytes were its own; `done` says whether the body has ended. */
  take(bytes: Buffer): number;
  readonly done: boolean;
  /** What is wrong with the framing itself. */
  readonly fault: string | null;
}

export function bodyReader(framing: Head["framing"], sink: (chunk: Buffer) => void): BodyReader {
  if (framing.kind === "chunked") return chunkedReader(sink);
  return lengthReader(framing.kind === "length" ? framing.bytes : 0, sink);
}

function lengthReader(bytes: number, sink: (chunk: Buffer) => void): BodyReader {
  let left = bytes;
  return {
    take(input) {
      const taken = Math.min(left, input.length);
      if (taken > 0) sink(input.subarray(0, taken));
      left -= taken;
      return taken;
    },
    get done() {
      return left === 0;
    },
    fault: null,
  };
}

/** Chunk sizes, data and the trailer's end, each possibly split over several reads. */
function chunkedReader(sink: (chunk: Buffer) => void): BodyReader {
  let state: "size" | "data" | "data-end" | "trailer" | "done" = "size";
  let line = "";
  let left = 0;
  let fault: string | null = null;
  const fail = (text: string) => {
    fault ??= text;
    state = "done";
  };
  /** Collects up to and with LF; true when `line` is whole (without its CRLF). */
  const readLine = (input: Buffer, from: number): { next: number; whole: boolean } => {
    const end = input.indexOf(10, from);
    const next = end === -1 ? input.length : end + 1;
    line += input.toString("latin1", from, next);
    return { next, whole: end !== -1 };
  };
  return {
    take(input) {
      let at = 0;
      while (at < input.length && state !== "done") {
        if (state === "data") {
          const taken = Math.min(left, input.length - at);
          sink(input.subarray(at, at + taken));
          at += taken;
          left -= taken;
          if (left === 0) state = "data-end";
          continue;
        }
        const { next, whole } = readLine(input, at);
        at = next;
        if (!whole) break;
        const text = line;
        line = "";
        if (!text.endsWith("\r\n")) fail(`chunk line without CRLF: ${JSON.stringify(text)}`);
        else if (state === "data-end") {
          if (text === "\r\n") state = "size";
          else fail(`chunk data is not followed by CRLF: ${JSON.stringify(text)}`);
        } else if (state === "trailer") {
          if (text === "\r\n") state = "done";
        } else if (!/^[0-9a-fA-F]+(;.*)?\r\n$/.test(text)) fail(`chunk size: ${JSON.stringify(text)}`);
        else {
          left = Number.parseInt(text, 16);
          state = left === 0 ? "trailer" : "data";
        }
      }
      return at;
    },
    get done() {
      return state === "done";
    },
    get fault() {
      return fault;
    },
  };
}
