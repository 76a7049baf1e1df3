import { open, stat } from "node:fs/promises";
import { AppError } from "../../errors.ts";

/** What another program writes, as it comes. */
export function streamBody(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = chunks[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await reader.return?.();
    },
  });
}

/** Fails with `source`, before any call; its words go on after the path. */
export async function fileBody(path: string): Promise<Blob> {
  try {
    if (!(await stat(path)).isFile()) throw new AppError("source", "is no regular file");
    await (await open(path, "r")).close();
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    const why = code === "ENOENT" ? "there is no such file" : code === "EACCES" ? "permission denied" : code;
    throw new AppError("source", `cannot be read: ${why}`, { cause: thrown });
  }
  return Bun.file(path);
}
