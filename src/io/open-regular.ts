import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { cannotRead, notRegular } from "./cannot-read.ts";

/** The descriptor of a regular file; a FIFO or device is refused without waiting for it. Fails with `source`. */
export function openRegular(path: string): number {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw cannotRead(path, error);
  }
  const stats = fstatSync(descriptor, { bigint: true });
  if (stats.isFile()) return descriptor;
  closeSync(descriptor);
  throw notRegular(path, stats);
}
