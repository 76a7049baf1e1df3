import { AppError } from "../errors.ts";
import { cannotRead } from "./cannot-read.ts";

/**
 * The chunks of a stream that may never end, such as standard input. Leaving the loop, or the signal, lets go of it
 * at once, also while nothing comes: a read under way would keep the process alive. Fails with `source`, or
 * `cancelled` by the signal.
 */
export async function* readStream(
  label: string,
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  // Bun opens a file here.
  const reader = openReader(label, stream);
  const letGo = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", letGo, { once: true });
  try {
    for (;;) {
      const next = signal.aborted ? null : await reader.read().catch((error) => fail(label, error));
      if (signal.aborted || next === null) throw new AppError("cancelled", `stopped while ${label} was read`);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", letGo);
    letGo();
  }
}

function openReader(label: string, stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
  try {
    return stream.getReader();
  } catch (error) {
    return fail(label, error);
  }
}

function fail(label: string, error: unknown): never {
  throw cannotRead(label, error);
}
