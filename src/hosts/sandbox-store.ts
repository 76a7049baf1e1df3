import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/** What a simulated host holds of a file. */
export interface StoredContent {
  /** Names the bytes in the store. */
  readonly key: string;
  readonly size: number;
  /** Lower-case hex; empty where nobody knows it. */
  readonly md5: string;
}

/** Where the simulated hosts put what they receive. */
export interface SandboxStore {
  /** Takes everything in; holds nothing when the chunks end in a failure, which comes out unchanged. */
  put(chunks: AsyncIterable<Uint8Array>): Promise<StoredContent>;
  /** One content of several, which are no more then; without a directory only the size is known. */
  join(parts: readonly StoredContent[]): Promise<StoredContent>;
  /** The bytes as a download; a 404 when they are not kept. */
  download(key: string, name: string): Promise<Response>;
  remove(key: string): Promise<void>;
}

/** Keeps the bytes in `directory`, made if need be; with null only sizes and sums leave `put`. */
export function openSandboxStore(directory: string | null): SandboxStore {
  const pathOf = (key: string): string | null => (directory === null ? null : join(directory, key));
  return {
    async put(chunks) {
      const key = crypto.randomUUID();
      const path = pathOf(key);
      return { key, ...(path === null ? await measure(chunks) : await write(path, chunks)) };
    },
    async join(parts) {
      const size = parts.reduce((sum, part) => sum + part.size, 0);
      const paths = parts.flatMap(({ key }) => pathOf(key) ?? []);
      if (directory === null) return { key: crypto.randomUUID(), size, md5: "" };
      const key = crypto.randomUUID();
      const whole = { key, ...(await write(join(directory, key), contentOf(paths))) };
      for (const path of paths) await rm(path, { force: true });
      return whole;
    },
    async download(key, name) {
      const path = pathOf(key);
      const file = path === null ? null : Bun.file(path);
      if (file === null || !(await file.exists())) {
        return new Response("The sandbox keeps files only with --store.\n", { status: 404 });
      }
      return new Response(file.stream(), {
        headers: {
          "Content-Length": String(file.size),
          // Never shown as a page of this origin.
          "Content-Type": "application/octet-stream",
          "X-Content-Type-Options": "nosniff",
          "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(name.toWellFormed())}`,
        },
      });
    },
    async remove(key) {
      const path = pathOf(key);
      if (path !== null) await rm(path, { force: true });
    },
  };
}

async function* contentOf(paths: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const path of paths) yield* Bun.file(path).stream() as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>;
}

type Measured = Omit<StoredContent, "key">;

async function measure(
  chunks: AsyncIterable<Uint8Array>,
  each?: (chunk: Uint8Array) => Promise<void>,
): Promise<Measured> {
  const hasher = new Bun.CryptoHasher("md5");
  let size = 0;
  for await (const chunk of chunks) {
    hasher.update(chunk);
    size += chunk.byteLength;
    await each?.(chunk);
  }
  return { size, md5: hasher.digest("hex") };
}

async function write(path: string, chunks: AsyncIterable<Uint8Array>): Promise<Measured> {
  await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
  const partial = `${path}.part`;
  const file = await open(partial, "wx", 0o600);
  try {
    const measured = await measure(chunks, (chunk) => file.writeFile(chunk));
    await rename(partial, path);
    return measured;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}
