import { read } from "node:fs";
import { BUFFER_SIZE, giveBuffer, takeBuffer } from "./buffers.ts";
import { cannotRead } from "./cannot-read.ts";
import type { Hash } from "./hash.ts";
import type { ByteRange } from "./source.ts";

/** One is on its way, one is being read, and one is with whoever hashes. */
const BUFFERS = 3;
/** Bytes of a range that may be one of several read side by side, as blocks are: four halves of two buffers do. */
const SHORT = 16 * 1024 * 1024;

/** What is read from. */
export interface OpenDescriptor {
  readonly descriptor: number;
  /** For messages. */
  readonly label: string;
  /**
   * Runs before and after each read, lest the bytes of a descriptor's number that was given away be taken for these.
   */
  readonly assertOpen: () => void;
}

/**
 * The bytes of a range, read by position and one chunk ahead into a few buffers in turn: a chunk is overwritten once
 * the one after the next is asked for. Everything read is given to `hash`, beside its being sent. Ends early where the
 * file does. Fails with `source`.
 */
export async function* readRange(
  from: OpenDescriptor,
  { start, end }: ByteRange,
  hash: Hash | null = null,
): AsyncGenerator<Uint8Array> {
  if (start >= end) return;
  const { taken, buffers } = takeBuffers(end - start, hash !== null);
  const hashed = new Map<Uint8Array, Promise<void>>();

  const readAt = async (position: number, turn: number): Promise<Uint8Array> => {
    const buffer = buffers[turn % buffers.length] ?? new Uint8Array();
    await hashed.get(buffer);
    const chunk = await readFully(from, buffer.subarray(0, end - position), position);
    if (hash !== null) hashed.set(buffer, unheard(hash.update(chunk)));
    return chunk;
  };

  let ahead = unheard(readAt(start, 0));
  try {
    for (let turn = 0, position = start; position < end; turn += 1) {
      const chunk = await ahead;
      if (chunk.byteLength === 0) return;
      position += chunk.byteLength;
      if (position < end) ahead = unheard(readAt(position, turn + 1));
      yield chunk;
    }
  } finally {
    const settled = Promise.allSettled([ahead]).then(() => Promise.allSettled(hashed.values()));
    void settled.then(() => taken.forEach(giveBuffer));
  }
}

interface Taken {
  /** To be given back. */
  readonly taken: readonly Uint8Array[];
  /** To be read into in turn. */
  readonly buffers: readonly Uint8Array[];
}

/** As many as there are chunks, up to those that are in use at a time. Short ranges need no more than their bytes. */
function takeBuffers(length: number, hashed: boolean): Taken {
  if (length < BUFFER_SIZE) return { taken: [], buffers: [new Uint8Array(length)] };
  const halved = length <= SHORT && !hashed;
  const most = Math.min(halved ? 2 : BUFFERS, Math.ceil(length / BUFFER_SIZE));
  const taken = Array.from({ length: most }, takeBuffer);
  return { taken, buffers: halved ? taken.flatMap(halvesOf) : taken };
}

function halvesOf(buffer: Uint8Array): readonly Uint8Array[] {
  const middle = buffer.byteLength / 2;
  return [buffer.subarray(0, middle), buffer.subarray(middle)];
}

/** Is waited for in its turn, or never: whoever leaves early does not care how it ends. */
function unheard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Fills the buffer; less only where the file ends. */
async function readFully(from: OpenDescriptor, buffer: Uint8Array, position: number): Promise<Uint8Array> {
  let filled = 0;
  while (filled < buffer.byteLength) {
    from.assertOpen();
    const bytes = await readOnce(from.descriptor, buffer, filled, position + filled).catch((error) => {
      from.assertOpen();
      throw cannotRead(from.label, error);
    });
    from.assertOpen();
    if (bytes === 0) break;
    filled += bytes;
  }
  return buffer.subarray(0, filled);
}

function readOnce(descriptor: number, buffer: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, offset, buffer.byteLength - offset, position, (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    );
  });
}
