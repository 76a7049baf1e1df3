import { AppError } from "../errors.ts";
import { cannotRead } from "./source.ts";

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
  const reader = stream.getReader();
  const letGo = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", letGo, { once: true });
  try {
    for (;;) {
      const next = signal.aborted ? null : await read(label, reader);
      if (signal.aborted || next === null) throw new AppError("cancelled", `stopped while ${label} was read`);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", letGo);
    letGo();
  }
}

async function read<T>(label: string, reader: { read(): Promise<T> }): Promise<T> {
  try {
    return await reader.read();
  } catch (error) {
    throw cannotRead(label, error);
  }
}
