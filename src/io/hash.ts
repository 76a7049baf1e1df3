import { createPooledHash } from "./hash-pool.ts";

/** MD5 of bytes given in order. Letting go of it before the digest is no harm. */
export interface Hash extends Disposable {
  /** Resolves when the bytes have been taken; until then they must stay as they are. */
  update(bytes: Uint8Array): Promise<void>;
  /** Lower-case hex. */
  digest(): Promise<string>;
}

/** Bytes from which on a file is hashed beside the sending thread; below, starting a thread costs more than it gives. */
const WORTH_A_THREAD = 64 * 1024 * 1024;

/** A hash for `size` bytes. */
export function createHash(size: number): Hash {
  return size > WORTH_A_THREAD ? createPooledHash() : createInlineHash();
}

function createInlineHash(): Hash {
  const hasher = new Bun.CryptoHasher("md5");
  return {
    async update(bytes) {
      hasher.update(bytes);
    },
    digest: async () => hasher.digest("hex"),
    [Symbol.dispose]() {},
  };
}
