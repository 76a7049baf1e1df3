import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { movedTo, moveFile } from "../../../src/core/sources/move-source.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { startServer } from "../../support/server.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const ROOT = process.getuid?.() === 0;

test("of files that are moved to one place at a time one gets there, and none is lost", async () => {
  using directory = temporaryDirectory();
  const paths = Array.from({ length: 20 }, (_, index) => directory.file(`from-${index}`, `${index}`));
  const target = join(directory.path, "done", "x");
  const moved = await Promise.allSettled(paths.map((path) => moveFile(path, target)));
  const failed = moved.filter((each) => each.status === "rejected");
  expect(failed.map(({ reason }) => reason.code)).toEqual(Array(19).fill("EEXIST"));
  const left = readdirSync(directory.path).filter((name) => name.startsWith("from-"));
  expect(left).toHaveLength(19);
  const contents = [target, ...left.map((name) => join(directory.path, name))].map((path) =>
    readFileSync(path, "utf8"),
  );
  expect(new Set(contents).size).toBe(20);
});

test("keeps times and content, and makes directories that are missing", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("a", "content");
  utimesSync(path, 1_700_000_000, 1_700_000_001);
  const target = join(directory.path, "1", "2", "a");
  await moveFile(path, target);
  expect([readFileSync(target, "utf8"), statSync(target).mtimeMs]).toEqual(["content", 1_700_000_001_000]);
  expect(() => statSync(path)).toThrow();
});

test.skipIf(ROOT || process.platform === "win32")("what cannot be taken away stays, and there alone", async () => {
  using directory = temporaryDirectory();
  mkdirSync(join(directory.path, "locked"));
  const path = directory.file("locked/a", "content");
  chmodSync(join(directory.path, "locked"), 0o500);
  const target = join(directory.path, "done", "a");
  await expect(moveFile(path, target)).rejects.toMatchObject({ code: "EACCES" });
  chmodSync(join(directory.path, "locked"), 0o700);
  expect(readFileSync(path, "utf8")).toBe("content");
  expect(() => statSync(target)).toThrow();
});

test.each([
  ["/d/t/a/x", "/done/t/a/x"],
  ["/d/t2/x", "/done/x"],
  ["/d/content/a/x", "/done/a/x"],
  ["/elsewhere/x", "/done/x"],
  ["/done/t/x", null],
])("%s goes to %s", (path, target) => {
  const trees = [
    { root: "/d/t", below: ["t"] },
    { root: "/d/content", below: [] },
  ];
  expect(movedTo(path, { do: "move", directory: "/done", trees })).toBe(target);
});

test("a server's recursive job keeps each file's place in its directory, too", async () => {
  await using server = await startServer({ accounts: { one: fakeHost() } });
  const { path: root } = server.files;
  for (const name of ["t/a/same", "t/b/same"]) {
    mkdirSync(join(root, dirname(name)), { recursive: true });
    server.files.file(name, name);
  }
  await server.add(join(root, "t"), ["one"], { recursive: true, after: `move:${root}/done` });
  const jobs = async () => (await server.engine.jobs.list({ labels: {}, limit: 9 }, server.roots)).jobs;
  for (const { id } of await jobs()) await server.ended(id);
  const moved = ["t/a/same", "t/b/same"].map((name) => join(root, "done", name));
  while (!moved.every((path) => existsSync(path))) await Bun.sleep(5);
  expect(moved.map((path) => readFileSync(path, "utf8"))).toEqual(["t/a/same", "t/b/same"]);
});
