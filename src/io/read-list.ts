import { AppError } from "../errors.ts";
import { cannotRead } from "./source.ts";

const LONGEST_ENTRY = 64 * 1024;

/** Entries of a list of paths, as is, streamed; "-" is stdin. Empty entries are left out. Fails with `source`. */
export async function* readList(path: string, separator: "\n" | "\0"): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    const stream = path === "-" ? Bun.stdin.stream() : Bun.file(path).stream();
    for await (const chunk of stream as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
      const entries = (rest + decoder.decode(chunk, { stream: true })).split(separator);
      rest = entries.pop() ?? "";
      if (rest.length > LONGEST_ENTRY) throw new AppError("usage", `${path}: an entry is longer than any path`);
      yield* entries.filter((entry) => entry !== "");
    }
  } catch (error) {
    throw error instanceof AppError ? error : cannotRead(path, error);
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
