import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../src/errors.ts";
import { folderPartsOf, type Looked, lookAt, walk } from "../../src/io/walk.ts";
import { temporaryDirectory } from "../support/temporary.ts";

interface Found {
  readonly entries: readonly Looked[];
  readonly notes: readonly string[];
}

async function walkAll(directory: string, below: readonly string[] = [], signal?: AbortSignal): Promise<Found> {
  const notes: string[] = [];
  const entries: Looked[] = [];
  const options = { below, note: (text: string) => notes.push(text), signal: signal ?? new AbortController().signal };
  for await (const entry of walk(directory, options)) entries.push(entry);
  return { entries, notes };
}

function show(directory: string, entries: readonly Looked[]): readonly string[] {
  return entries.map((entry) => {
    const path = entry.path.slice(directory.length + 1);
    if (entry.kind === "failed") return `${path}: ${entry.error.code}`;
    return entry.kind === "file" ? `${entry.below.join("/")}|${path}` : `${path}/`;
  });
}

/** Rights do not hold back root, who may run the tests. */
const isRoot = process.getuid?.() === 0;

describe("a walk", () => {
  test("finds every file at any depth, hidden ones too, in the order of the names", async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, "b", "deep"), { recursive: true });
    mkdirSync(join(directory.path, ".hidden"));
    mkdirSync(join(directory.path, "empty"));
    for (const name of ["z", "a b", "b/2", "b/10", "b/deep/x", ".hidden/.f", "é"]) directory.file(name, name);
    const { entries, notes } = await walkAll(directory.path, ["top"]);
    expect(show(directory.path, entries)).toEqual([
      "top/.hidden|.hidden/.f",
      "top|a b",
      "top/b|b/10",
      "top/b|b/2",
      "top/b/deep|b/deep/x",
      "top|z",
      "top|é",
    ]);
    expect(notes).toEqual([]);
    expect(entries[0]).toMatchObject({ identity: { size: 10 } });
  });

  test("follows links to files, not to directories, and passes over what is no file with a note", async () => {
    using directory = temporaryDirectory();
    using elsewhere = temporaryDirectory();
    mkdirSync(join(directory.path, "d"));
    symlinkSync(elsewhere.file("target", "content"), join(directory.path, "to-file"));
    symlinkSync(elsewhere.path, join(directory.path, "to-directory"));
    symlinkSync(directory.path, join(directory.path, "d", "circle"));
    symlinkSync(join(directory.path, "nowhere"), join(directory.path, "broken"));
    symlinkSync("/dev/null", join(directory.path, "to-device"));
    Bun.spawnSync(["mkfifo", join(directory.path, "pipe")]);
    const { entries, notes } = await walkAll(directory.path);
    expect(show(directory.path, entries)).toEqual(["broken: source", "|to-file"]);
    expect(entries[1]).toMatchObject({ identity: { size: 7 } });
    expect(notes.map((note) => note.slice(directory.path.length + 1))).toEqual([
      "d/circle: a link to a directory, passed over",
      "pipe: not a regular file, passed over",
      "to-device: not a regular file, passed over",
      "to-directory: a link to a directory, passed over",
    ]);
  });

  test("tells names that are no UTF-8, of files and directories", async () => {
    using directory = temporaryDirectory();
    const bad = (name: string) => Buffer.concat([Buffer.from(`${directory.path}/${name}`), Buffer.from([0xff, 0xfe])]);
    writeFileSync(bad("file"), "x");
    mkdirSync(bad("directory"));
    directory.file("good", "x");
    const { entries } = await walkAll(directory.path);
    expect(entries.map(({ kind }) => kind)).toEqual(["failed", "failed", "file"]);
    for (const entry of entries.slice(0, 2)) {
      if (entry.kind !== "failed") throw new Error("not failed");
      expect(entry.error).toMatchObject({ code: "source" });
      expect(entry.error.message).toContain("UTF-8");
    }
  });

  test.skipIf(isRoot)("goes on after a directory and a file that cannot be read", async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, "closed"));
    directory.file("closed/x", "x");
    chmodSync(directory.file("secret", "x"), 0o000);
    directory.file("z", "x");
    chmodSync(join(directory.path, "closed"), 0o000);
    try {
      const { entries } = await walkAll(directory.path);
      expect(show(directory.path, entries)).toEqual(["closed: source", "secret: source", "|z"]);
    } finally {
      chmodSync(join(directory.path, "closed"), 0o700);
    }
  });

  test("of a directory that is gone is one failure", async () => {
    using directory = temporaryDirectory();
    const { entries } = await walkAll(join(directory.path, "gone"), ["gone"]);
    expect(entries).toMatchObject([{ kind: "failed", below: ["gone"], error: { code: "source" } }]);
  });

  test("ends when the signal fires, also where nobody asks for more", async () => {
    using directory = temporaryDirectory();
    for (const name of ["a", "b", "c"]) directory.file(name, "x");
    const stop = new AbortController();
    const reader = walk(directory.path, { below: [], note: () => {}, signal: stop.signal });
    await reader.next();
    stop.abort();
    await expect(reader.next()).rejects.toMatchObject({ code: "cancelled" });
  });
});

describe("a look at one path", () => {
  test("follows a link and tells what is there", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("f", "12345");
    symlinkSync(path, join(directory.path, "link"));
    symlinkSync(directory.path, join(directory.path, "dir-link"));
    expect(await lookAt(path, ["a"])).toMatchObject({ kind: "file", below: ["a"], identity: { size: 5 } });
    expect(await lookAt(join(directory.path, "link"))).toMatchObject({ kind: "file", identity: { size: 5 } });
    expect(await lookAt(join(directory.path, "dir-link"))).toMatchObject({ kind: "directory" });
    expect(await lookAt("/dev/null")).toMatchObject({ kind: "failed", error: { code: "source" } });
  });

  test("never throws", async () => {
    using directory = temporaryDirectory();
    for (const name of ["missing", "x".repeat(300), "a\0b", "missing/below"]) {
      const looked = await lookAt(join(directory.path, name));
      expect(looked.kind).toBe("failed");
      if (looked.kind === "failed") expect(looked.error).toBeInstanceOf(AppError);
    }
  });
});

test.each([
  ["t", ["t"]],
  ["a/t", ["t"]],
  ["/a/t", ["t"]],
  ["t/", []],
  ["t//", []],
  [".", []],
  ["..", []],
  ["t/.", []],
  ["t/..", []],
  ["/", []],
  ["...", ["..."]],
  ["a/.hidden", [".hidden"]],
  ["a.", ["a."]],
  ["a\\", ["a\\"]],
])("content of %j appears under %j", (typed, parts) => {
  expect(folderPartsOf(typed)).toEqual(parts);
});
