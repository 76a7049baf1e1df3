import { openFile } from "./source.ts";

/** MD5 (lower-case hex) of a file that stands still meanwhile. Fails with `source`, or when the signal fires. */
export async function hashFile(path: string, signal: AbortSignal): Promise<string> {
  using file = openFile(path, { hash: true });
  for await (const _ of file.open()) signal.throwIfAborted();
  return file.md5() ?? "";
}
