import { readFileSync, readlinkSync } from "node:fs";

/** What tells one process from every other, also after a restart of the machine or in another container. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Changes with every boot; null off Linux. */
  readonly bootId: string | null;
  /** `pid:[…]`: equal numbers mean the same process only within one; null off Linux. */
  readonly pidNamespace: string | null;
  /** Clock ticks since the boot, decimal: tells a process from a later one of the same number; null off Linux. */
  readonly startTime: string | null;
}

export function thisProcess(): ProcessIdentity {
  return {
    pid: process.pid,
    bootId: tried(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    pidNamespace: tried(() => readlinkSync("/proc/self/ns/pid")),
    startTime: startTimeOf(process.pid),
  };
}

/** How long an owner that cannot be looked at counts as alive after its last heartbeat, in milliseconds. */
const HEARTBEAT_HOLDS_MS = 30_000;

/**
 * Whether `other`, last heard of `silenceMs` ago, still runs. One that this process can see is judged by its number
 * and start time, so that a stopped or starved one is not mistaken for dead; any other by its heartbeat.
 */
export function isRunning(other: ProcessIdentity, self: ProcessIdentity, silenceMs: number): boolean {
  if (self.bootId !== null && self.pidNamespace !== null && self.startTime !== null) {
    if (other.bootId === self.bootId && other.pidNamespace === self.pidNamespace) {
      return startTimeOf(other.pid) === other.startTime;
    }
    return silenceMs < HEARTBEAT_HOLDS_MS;
  }
  const comparable = other.bootId === null && other.pidNamespace === null;
  return silenceMs < HEARTBEAT_HOLDS_MS && (!comparable || exists(other.pid));
}

/** Field 22 of /proc/PID/stat; null when the process is gone or only waits for its parent to notice its end. */
function startTimeOf(pid: number): string | null {
  const stat = tried(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (stat === null) return null;
  // The name in field 2 may hold blanks and parentheses: fields are counted after the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ended = fields[0] === "Z" || fields[0] === "X";
  return ended ? null : (fields[19] ?? null);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function tried(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
