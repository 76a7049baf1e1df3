import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import { AppError } from "../errors.ts";
import { cannotRead } from "./cannot-read.ts";
import { readStream } from "./read-stream.ts";
import { assertStdinOpen } from "./stdin.ts";

const LONGEST_ENTRY = 64 * 1024;

/**
 * Entries of a list of paths, as is, streamed; "-" is stdin. Empty entries are left out. Fails with `source`, or
 * `cancelled` by the signal.
 */
export async function* readList(path: string, separator: "\n" | "\0", signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const label = path === "-" ? "standard input" : path;
  if (path === "-") assertStdinOpen();
  const stream = path === "-" ? Bun.stdin.stream() : streamOf(path);
  let rest = "";
  for await (const chunk of readStream(label, stream, signal)) {
    const entries = (rest + decoder.decode(chunk, { stream: true })).split(separator);
    rest = entries.pop() ?? "";
    if (rest.length > LONGEST_ENTRY) throw new AppError("usage", `${path}: an entry is longer than any path`);
    yield* entries.filter((entry) => entry !== "");
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

/** Bun's stream of a file waits by epoll, which refuses devices such as /dev/null. */
function streamOf(path: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isDevice: boolean;
  try {
    isDevice = statSync(path).isCharacterDevice();
  } catch (error) {
    throw cannotRead(path, error);
  }
  if (!isDevice) return Bun.file(path).stream();
  return Readable.toWeb(createReadStream(path)) as unknown as ReadableStream<Uint8Array<ArrayBuffer>>;
}
