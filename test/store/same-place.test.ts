import { expect, test } from "bun:test";
import { renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { samePlace } from "../../src/store/same-place.ts";
import { temporaryDirectory } from "../support/temporary.ts";

test("a file that is deleted, moved or replaced is lost, and no other", () => {
  using directory = temporaryDirectory();
  const path = directory.file("hoist.db", "x");
  const other = join(directory.path, "other");
  const place = samePlace();
  place.remember(path);
  writeFileSync(path, "changed");
  expect(place.lost).toBe(false);
  renameSync(path, other);
  expect(place.lost).toBe(true);
  symlinkSync(other, path);
  expect(place.lost).toBe(false);
  rmSync(path);
  symlinkSync(path, path);
  expect(place.lost).toBe(true);
  rmSync(path);
  writeFileSync(path, "x");
  expect(place.lost).toBe(true);
});

test("a file that cannot be looked at for a while is not taken for lost", () => {
  using directory = temporaryDirectory();
  const path = directory.file("hoist.db", "x");
  let fails: string | null = null;
  const place = samePlace((at) => {
    if (fails !== null) throw Object.assign(new Error(), { code: fails });
    return statSync(at);
  });
  place.remember(path);
  const whileFailing = ["EACCES", "EIO", "ESTALE"].map((code) => {
    fails = code;
    return place.lost;
  });
  expect(whileFailing).toEqual([false, false, false]);
  fails = "ENOENT";
  expect(place.lost).toBe(true);
});
