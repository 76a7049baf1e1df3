import { readFileSync } from "node:fs";

/** SIGHUP, signal 1, in the masks of /proc/self/status. */
const HANGUP = 1n;

/**
 * Whether this process was started to outlive its terminal, as `nohup` does. True only before a handler of our own takes
 * the place of what was inherited, and only where the kernel tells, on Linux.
 */
export function outlivesTerminal(): boolean {
  if (process.platform !== "linux") return false;
  try {
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return ignored !== undefined && (BigInt(`0x${ignored}`) & HANGUP) !== 0n;
  } catch {
    return false;
  }
}
