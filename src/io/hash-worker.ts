import { parentPort } from "node:worker_threads";

/** The thread that hashes: an entry point of its own in the binary. One message asks for one thing, in order. */

/** `bytes`: takes them; null: ends the hash; undefined: forgets it. */
export interface HashRequest {
  readonly hash: number;
  readonly bytes: Uint8Array | null | undefined;
}

/** One for each request but the forgetting ones. */
export interface HashAnswer {
  /** Lower-case hex, at the end. */
  readonly digest: string | null;
}

const hashers = new Map<number, Bun.CryptoHasher>();

function answer({ hash, bytes }: HashRequest): HashAnswer | null {
  const hasher = hashers.get(hash) ?? new Bun.CryptoHasher("md5");
  if (bytes instanceof Uint8Array) {
    hashers.set(hash, hasher);
    hasher.update(bytes);
    return { digest: null };
  }
  hashers.delete(hash);
  return bytes === null ? { digest: hasher.digest("hex") } : null;
}

parentPort?.on("message", (request: HashRequest) => {
  const said = answer(request);
  if (said !== null) parentPort?.postMessage(said);
});
