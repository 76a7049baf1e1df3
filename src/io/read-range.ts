import { read } from "node:fs";
import { cannotRead } from "./cannot-read.ts";
import type { ByteRange } from "./source.ts";

const CHUNK = 256 * 1024;

/**
 * The bytes of a range, read by position into two buffers in turn: a chunk is overwritten once the one after the next
 * is asked for. Fresh buffers would pile up faster than they are collected where several ranges are read at once.
 * `assertOpen` runs before each read, lest a descriptor's number that was given away be read. Ends early where the file
 * does. Fails with `source`.
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
      throw cannotRead(label, error);
    });
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
