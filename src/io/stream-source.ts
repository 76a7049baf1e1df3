import { AppError } from "../errors.ts";
import { readStream } from "./read-stream.ts";
import type { Source, SourceOptions } from "./source.ts";
import { cut } from "./throttle.ts";

/** Standard input (or any stream) of unknown length: it can be read once. Disposing it lets go of the stream. */
export function streamSource(
  label: string,
  input: ReadableStream<Uint8Array<ArrayBuffer>>,
  options: SourceOptions,
): Source & Disposable {
  const ended = new AbortController();
  let bytesRead = 0;
  let digest: string | null = null;
  let opened = false;
  return {
    label,
    size: null,
    get spent() {
      return opened;
    },
    get bytesRead() {
      return bytesRead;
    },
    md5: () => digest,
    rest: () => {},
    assertUnchanged: async () => {},
    async *open() {
      if (opened) throw new AppError("source", `${label}: a pipe cannot be read twice`, { hint: "use --spool" });
      opened = true;
      const hasher = options.hash ? new Bun.CryptoHasher("md5") : null;
      for await (const chunk of cut(readStream(label, input, ended.signal), options.throttle)) {
        hasher?.update(chunk);
        bytesRead += chunk.byteLength;
        options.onBytes?.(chunk.byteLength, true);
        yield chunk;
      }
      digest = hasher?.digest("hex") ?? null;
    },
    [Symbol.dispose]: () => ended.abort(),
  };
}
