import { expect, test } from "bun:test";
import { join } from "node:path";
import { readList } from "../../src/io/read-list.ts";
import { temporaryDirectory } from "../support/temporary.ts";

async function read(path: string, separator: "\n" | "\0" = "\n", signal = new AbortController().signal) {
  const entries: string[] = [];
  for await (const entry of readList(path, separator, signal)) entries.push(entry);
  return entries;
}

test("entries are taken as they are, with or without a last separator", async () => {
  using directory = temporaryDirectory();
  expect(await read(directory.file("a", "one\n two \n\n'three'\n"))).toEqual(["one", " two ", "'three'"]);
  expect(await read(directory.file("b", "one\ntwo"))).toEqual(["one", "two"]);
  expect(await read(directory.file("c", "cr\r\n"))).toEqual(["cr\r"]);
  expect(await read(directory.file("d", ""))).toEqual([]);
  expect(await read(directory.file("e", "line\nbreak\0next\0"), "\0")).toEqual(["line\nbreak", "next"]);
});

test("an entry may lie across the chunks of a long list", async () => {
  using directory = temporaryDirectory();
  const entries = Array.from({ length: 60_000 }, (_, index) => `žluťoučký/${index}`);
  expect(await read(directory.file("list", entries.join("\n")))).toEqual(entries);
});

test("a list may come through a pipe", async () => {
  using directory = temporaryDirectory();
  const pipe = join(directory.path, "pipe");
  Bun.spawnSync(["mkfifo", pipe]);
  const writer = Bun.spawn(["sh", "-c", `printf 'one\\ntwo\\n' > "$1"`, "sh", pipe]);
  expect(await read(pipe)).toEqual(["one", "two"]);
  await writer.exited;
});

test.skipIf(process.platform === "win32")("a device that has nothing is an empty list", async () => {
  expect(await read("/dev/null")).toEqual([]);
  await expect(read("/dev/zero")).rejects.toMatchObject({ code: "usage" });
});

test("what is missing, a directory, or no list at all fails", async () => {
  using directory = temporaryDirectory();
  await expect(read(join(directory.path, "missing"))).rejects.toMatchObject({ code: "source" });
  await expect(read(`${directory.file("file", "")}/below`)).rejects.toMatchObject({ code: "source" });
  await expect(read(directory.path)).rejects.toMatchObject({ code: "source" });
  await expect(read(directory.file("binary", "x".repeat(200_000)))).rejects.toMatchObject({ code: "usage" });
});

test("the signal ends the wait for standard input, and the process may end", async () => {
  const script = `
    import { readList } from "${import.meta.dir}/../../src/io/read-list.ts";
    const stop = new AbortController();
    const reader = readList("-", "\\n", stop.signal);
    console.log((await reader.next()).value);
    setTimeout(() => stop.abort({ exit: 130 }), 20);
    await reader.next().catch((error) => console.log(error.code));
  `;
  const child = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  child.stdin.write("first\nsec");
  await child.stdin.flush();
  expect(await new Response(child.stdout).text()).toBe("first\ncancelled\n");
  expect(await child.exited).toBe(0);
});
