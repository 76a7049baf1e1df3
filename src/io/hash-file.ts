import { AppError } from "../errors.ts";
import { openFile } from "./source.ts";

/** MD5 (lower-case hex) of a file that stands still meanwhile. Fails with `source`, or `cancelled` by the signal. */
export async function hashFile(path: string, signal: AbortSignal): Promise<string> {
  using file = openFile(path, { hash: true });
  for await (const _ of file.open()) {
    if (signal.aborted) throw new AppError("cancelled", `stopped while ${path} was read`);
  }
  return file.md5() ?? "";
}
