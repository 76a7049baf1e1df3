import { describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOSTS } from "../../src/hosts/registry.ts";
import { startSandbox } from "../../src/hosts/sandbox-server.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

function start(command: readonly string[]) {
  return Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
}

const hoist = (...argv: string[]) => [process.execPath, MAIN, ...argv];

/** Resolves when the sandbox has printed its environment: it then waits for a signal. */
async function sandbox() {
  const child = start(hoist("sandbox"));
  const reader = child.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  return child;
}

describe("signals", () => {
  test.each([
    ["SIGHUP", 129],
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s ends what runs, with %d", async (signal, code) => {
    const child = await sandbox();
    child.kill(signal);
    expect(await child.exited).toBe(code);
    expect(child.signalCode).toBeNull();
  });
});

describe("stdout", () => {
  test.concurrent("a reader that goes away is no failure", async () => {
    const child = start(["sh", "-c", '("$@"; echo "ended with $?" >&2) | head -n 1', "-", ...hoist("man")]);
    expect(await new Response(child.stdout).text()).toStartWith(".TH HOIST 1");
    expect(await new Response(child.stderr).text()).toBe("ended with 0\n");
  });

  test.concurrent("closed from the start, too", async () => {
    const child = start(["sh", "-c", '"$@" >&-', "-", ...hoist("help")]);
    expect(await child.exited).toBe(0);
  });

  test.skipIf(process.platform !== "linux")("a full disk is told, with 11", async () => {
    const child = start(["sh", "-c", '"$@" >/dev/full', "-", ...hoist("help")]);
    expect(await new Response(child.stderr).text()).toContain("could not be written");
    expect(await child.exited).toBe(11);
  });
});

test.skipIf(process.platform !== "linux").each([
  ["links", []],
  ["JSON", ["--json"]],
])(
  "a disk that is full long before the end is told with 11, and does not hang: %s",
  async (_form, options) => {
    await using server = await startSandbox({ hosts: HOSTS, port: 0, faults: [], storeDir: null, observe() {} });
    const home = await mkdtemp(join(tmpdir(), "hoist-full-"));
    try {
      const files = ["a.bin", "b.bin", "c.bin"].map((name) => join(home, name));
      await Promise.all(files.map((file) => writeFile(file, file)));
      const end = async (...argv: string[]) => {
        const child = Bun.spawn(["sh", "-c", '"$@" >/dev/full', "-", ...hoist(...argv, "--state-dir", home)], {
          env: { ...process.env, ...server.environment, HOME: home, XDG_CONFIG_HOME: home },
          stdin: "ignore",
          stderr: "pipe",
          timeout: 4000,
          killSignal: "SIGKILL",
        });
        return { told: await new Response(child.stderr).text(), code: await child.exited };
      };
      const lost = {
        told: expect.stringContaining("results could not be written to stdout (ENOSPC)"),
        code: 11,
      };
      expect(await end("up", ...files, "--to", "ulozto", "-j", "1", ...options)).toEqual(lost);
      expect(await end("history", ...options)).toEqual(lost);
    } finally {
      await rm(home, { recursive: true });
    }
  },
  20_000,
);

test("the version needs no more than main.ts and version.ts", async () => {
  const { outputs } = await Bun.build({ entrypoints: [MAIN], splitting: true, target: "bun" });
  const entry = outputs.find(({ kind }) => kind === "entry-point");
  const text = (await entry?.text()) ?? "";
  const eager = [...text.matchAll(/^import [^(].*?from\s*"(.*?)"/gm)].map((match) => match[1]);
  expect(eager.filter((name) => name?.startsWith("node:") === true || name?.includes("run-process"))).toEqual([]);
  expect(text.length).toBeLessThan(10_000);
});
