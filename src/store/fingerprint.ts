import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import type { Access } from "./group-commit.ts";

export const KEY_FILE = "fingerprint.key";
const KEY_BYTES = 32;

/**
 * Keyed hashes of secrets. The key is a file of its own beside the database: who gets hold of one of them alone
 * cannot try passwords against it. Without a directory the key lives as long as the process.
 */
export function fingerprints(directory: string | null, access: Access): (secret: string) => Promise<string> {
  let key: Uint8Array | null = directory === null ? newKey() : null;
  return async (secret) => {
    if (key === null && directory !== null) {
      const path = join(directory, KEY_FILE);
      // The database's write lock keeps two processes from making two keys.
      key = readKey(path) ?? (await access.write(() => readKey(path) ?? makeKey(path)));
    }
    return new Bun.CryptoHasher("sha256", key ?? "").update(secret).digest("hex");
  };
}

/** Null when there is none, or none that can be used: a new one costs at most one more login. */
function readKey(path: string): Uint8Array | null {
  try {
    const key = readFileSync(path);
    return key.length === KEY_BYTES ? key : null;
  } catch {
    return null;
  }
}

function makeKey(path: string): Uint8Array {
  const key = newKey();
  try {
    const fresh = `${path}.new`;
    writeFileSync(fresh, key, { mode: 0o600 });
    renameSync(fresh, path);
  } catch (error) {
    throw new AppError("state", "the key of the state directory cannot be written", {
      hint: "check who owns the state directory and whether its disk is full",
      cause: error,
    });
  }
  return key;
}

function newKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
}
