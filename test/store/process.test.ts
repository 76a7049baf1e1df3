import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { isRunning, type ProcessIdentity, thisProcess } from "../../src/store/process.ts";

const self = thisProcess();
const LONG = 3_600_000;

describe("a process that can be looked at", () => {
  test("runs as long as it does, however silent", () => {
    expect(isRunning(self, self, LONG)).toBe(true);
  });

  test("is another one when its number was given again", () => {
    expect(isRunning({ ...self, startTime: "1" }, self, 0)).toBe(false);
  });

  test("is dead as soon as it is gone", async () => {
    const child = Bun.spawn(["sleep", "60"]);
    const identity = { ...self, pid: child.pid, startTime: startTime(child.pid) };
    expect(isRunning(identity, self, LONG)).toBe(true);
    child.kill("SIGKILL");
    await child.exited;
    expect(isRunning(identity, self, 0)).toBe(false);
  });

  test("is dead when its parent has not noticed yet", async () => {
    // The shell becomes a sleep, which never looks after the child that it has inherited.
    await using parent = Bun.spawn(["sh", "-c", "sleep 0.05 & echo $!; exec sleep 60"], { stdout: "pipe" });
    const pid = Number(new TextDecoder().decode((await parent.stdout.values().next()).value));
    const identity = { ...self, pid, startTime: startTime(pid) };
    while (stateOf(pid) !== "Z") await Bun.sleep(5);
    expect(isRunning(identity, self, 0)).toBe(false);
    parent.kill("SIGKILL");
  });
});

describe("a process elsewhere is judged by its heartbeat", () => {
  test.each([
    ["another boot", { bootId: "other" }],
    ["another container", { pidNamespace: "pid:[1]" }],
    ["another system", { bootId: null, pidNamespace: null, startTime: null }],
  ] satisfies [string, Partial<ProcessIdentity>][])("%s", (_, change) => {
    const other = { ...self, ...change };
    expect(isRunning(other, self, 29_999)).toBe(true);
    expect(isRunning(other, self, 30_000)).toBe(false);
    // Clocks differ: a beat from the future is no death.
    expect(isRunning(other, self, -LONG)).toBe(true);
  });
});

describe("off Linux", () => {
  const here = { pid: process.pid, bootId: null, pidNamespace: null, startTime: null };

  test("a process lives while it has its number and a heartbeat", async () => {
    expect(isRunning(here, here, 29_999)).toBe(true);
    expect(isRunning(here, here, 30_000)).toBe(false);
    const child = Bun.spawn(["true"]);
    await child.exited;
    expect(isRunning({ ...here, pid: child.pid }, here, 0)).toBe(false);
    // Somebody else's process exists, although it may not be signalled.
    expect(isRunning({ ...here, pid: 1 }, here, 0)).toBe(true);
  });

  test("one on Linux cannot be looked up by its number", async () => {
    const child = Bun.spawn(["true"]);
    await child.exited;
    expect(isRunning({ ...self, pid: child.pid }, here, 0)).toBe(true);
  });
});

function fields(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function startTime(pid: number): string | null {
  return fields(pid)[19] ?? null;
}

function stateOf(pid: number): string | undefined {
  return fields(pid)[0];
}
