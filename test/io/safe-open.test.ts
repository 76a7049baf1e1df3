import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { linkSync, mkdirSync, readFileSync, realpathSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { AppError } from "../../src/errors.ts";
import { isUnder, openUnder } from "../../src/io/safe-open.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary.ts";

let directory: TemporaryDirectory;
let root: string;
beforeAll(() => {
  directory = temporaryDirectory();
  const base = realpathSync(directory.path);
  root = join(base, "root");
  mkdirSync(join(root, "below"), { recursive: true });
  mkdirSync(join(base, "root-evil"));
  writeFileSync(join(root, "file"), "fine");
  writeFileSync(join(root, "below", "file"), "fine");
  writeFileSync(join(base, "root-evil", "file"), "secret");
  symlinkSync(join(root, "file"), join(root, "link-inside"));
  symlinkSync(join(base, "root-evil", "file"), join(root, "link-outside"));
  symlinkSync(join(base, "root-evil"), join(root, "link-directory"));
  Bun.spawnSync(["mkfifo", join(root, "fifo")]);
});
afterAll(() => directory[Symbol.dispose]());

const open = (path: string) => openUnder(path, [root], { hash: false });

function refusal(path: string): string {
  try {
    open(path)[Symbol.dispose]();
    return "opened";
  } catch (error) {
    return error instanceof AppError ? `${error.code} ${error.message}` : String(error);
  }
}

describe("below a root", () => {
  test("files, at any depth and by any path that leads there", () => {
    for (const path of ["file", "below/file", "below/../file", "./below//file"]) {
      using file = open(`${root}/${path}`);
      expect(file.identity?.size).toBe(4);
    }
  });

  test("a hard link passes: who may make one is for the system to say", () => {
    linkSync(join(root, "file"), join(root, "hard"));
    expect(refusal(join(root, "hard"))).toBe("opened");
  });
});

test("whatever else there is gets one and the same refusal, at once", () => {
  const began = performance.now();
  const paths = [
    ...["../root-evil/file", "below/../../root-evil/file", "link-directory/file", "link-outside", "link-inside"],
    ...["fifo", "below", "", "none", "file/x", "none/file", "file\0", "\0", "x".repeat(300), "x/".repeat(5000)],
  ].map((path) => `${root}/${path}`);
  const elsewhere = [
    `${root}-evil/file`,
    "/etc/passwd",
    "/dev/zero",
    "/dev/stdin",
    "/proc/self/environ",
    "",
    ".",
    "file",
  ];
  const refusals = [...paths, ...elsewhere].map((path): [string, string] => [path, refusal(path)]);
  const one = refusal(`${root}/none`);
  expect(one).toStartWith("source ");
  expect(refusals).toEqual(refusals.map(([path]) => [path, one]));
  expect(performance.now() - began).toBeLessThan(2000);
});

test("a root is a whole name", () => {
  expect(isUnder("/srv/out", ["/srv/out"])).toBe(true);
  expect(isUnder("/srv/out/x", ["/srv/out"])).toBe(true);
  expect(isUnder("/srv/out-evil", ["/srv/out"])).toBe(false);
  expect(isUnder("/srv", ["/srv/out"])).toBe(false);
  expect(isUnder("/anything", ["/"])).toBe(true);
  expect(isUnder("/anything", [])).toBe(false);
});

test.if(process.platform === "linux")(
  "a directory that another process swaps for a link, all the time",
  async () => {
    const path = join(root, "swapped", "file");
    const link = join(root, "swapping");
    mkdirSync(dirname(path));
    writeFileSync(path, "fine");
    symlinkSync(`${root}-evil`, link);
    const secret = String(statSync(join(`${root}-evil`, "file"), { bigint: true }).ino);
    // RENAME_EXCHANGE: at every moment there is a directory or a link, never nothing.
    const swapper = Bun.spawn(
      [
        process.execPath,
        "-e",
        `const { dlopen, FFIType: { i32, u32, cstring } } = require("bun:ffi");
       const libc = dlopen("libc.so.6", { renameat2: { args: [i32, cstring, i32, cstring, u32], returns: i32 } });
       const [a, b] = process.argv.slice(1).map((path) => Buffer.from(path + "\\0"));
       console.log(libc.symbols.renameat2(-100, a, -100, b, 2));
       for (;;) libc.symbols.renameat2(-100, a, -100, b, 2);`,
        dirname(path),
        link,
      ],
      { stdout: "pipe", stderr: "inherit" },
    );
    try {
      const { value } = await swapper.stdout.getReader().read();
      expect(new TextDecoder().decode(value)).toStartWith("0\n");
      let naive = 0;
      let escaped = 0;
      let opened = 0;
      // Looking at the path before it is read is what the race is lost by: without that the test would prove nothing.
      for (const until = Date.now() + 8_000; Date.now() < until && (naive < 100 || opened < 10_000); ) {
        for (let round = 0; round < 500; round += 1) {
          if (
            isUnder(tried(() => realpathSync(path)) ?? "", [root]) &&
            tried(() => readFileSync(path, "utf8")) === "secret"
          ) {
            naive += 1;
          }
          const inode = tried(() => {
            using file = open(path);
            return file.identity?.inode;
          });
          if (inode === undefined) continue;
          opened += 1;
          if (inode?.endsWith(`:${secret}`)) escaped += 1;
        }
      }
      expect(naive).toBeGreaterThan(0);
      expect(opened).toBeGreaterThan(0);
      expect(escaped).toBe(0);
    } finally {
      swapper.kill("SIGKILL");
      await swapper.exited;
    }
  },
  20_000,
);

function tried<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
