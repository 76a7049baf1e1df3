import { AppError } from "../../errors.ts";
import { keepsInodeNumbers } from "../../io/inode-numbers.ts";
import { openUnder } from "../../io/safe-open.ts";
import { whatChanged } from "../../io/same-file.ts";
import type { FileSource, SourceOptions } from "../../io/source.ts";
import type { SourceRecord } from "../job-store.ts";

/**
 * Opens the file that a server has promised to send, below `roots`. Fails with `source` when it cannot be opened, or is
 * no longer that file.
 */
export function openAccepted(
  accepted: SourceRecord,
  roots: readonly string[],
  options: SourceOptions,
  keepsNumbers = keepsInodeNumbers,
): FileSource {
  const file = openUnder(accepted.path, roots, options);
  let change = whatChanged(accepted, file.identity);
  // Only asked where something differs.
  if (change !== null && !keepsNumbers(accepted.path)) {
    change = whatChanged({ ...accepted, inode: null }, file.identity);
  }
  if (change === null) return file;
  file[Symbol.dispose]();
  throw new AppError("source", `${accepted.path} is not the file that was accepted: ${change}`, {
    hint: "to send the file as it is now, retry its job: hoist jobs retry with the job's id",
  });
}
