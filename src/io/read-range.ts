import { read } from "node:fs";
import { cannotRead } from "./cannot-read.ts";
import type { ByteRange } from "./source.ts";

const CHUNK = 256 * 1024;

/**
 * The bytes of a range, read by position into two buffers in turn: a chunk is overwritten once the one after the next
 * is asked for. The fresh buffers of a Bun.file stream pile up faster than they are collected: some 100 MiB for one
 * file of several GiB, and more where several ranges are read at once.
 * `assertOpen` runs before and after each read, lest the bytes of a descriptor's number that was given away be taken for
 * these. Ends early where the file does. Fails with `source`.
 */
export async function* readRange(
  descriptor: number,
  label: string,
  { start, end }: ByteRange,
  assertOpen: () => void,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const size = Math.min(CHUNK, end - start);
  const buffers = [new Uint8Array(size), new Uint8Array(size)] as const;
  let position = start;
  for (let turn = 0; position < end; turn += 1) {
    assertOpen();
    const buffer = buffers[turn % 2 === 0 ? 0 : 1];
    const bytes = await readAt(descriptor, buffer, Math.min(size, end - position), position).catch((error) => {
      assertOpen();
      throw cannotRead(label, error);
    });
    assertOpen();
    if (bytes === 0) return;
    position += bytes;
    yield buffer.subarray(0, bytes);
  }
}

function readAt(descriptor: number, buffer: Uint8Array, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, 0, length, position, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
  });
}
