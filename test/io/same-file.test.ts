import { expect, test } from "bun:test";
import { isSameFile, whatChanged } from "../../src/io/same-file.ts";

const NOW = { size: 3, mtimeNs: "1700000000000000001", inode: "66:17" };

test("a file is the same by size, modification time, device and inode", () => {
  expect(isSameFile(NOW, NOW)).toBe(true);
  expect(whatChanged(NOW, NOW)).toBeNull();
  for (const [change, words] of [
    [{ size: 4 }, "size changed from 4 to 3 bytes"],
    [{ mtimeNs: "1700000000000000002" }, "modification time changed"],
    [{ inode: "66:18" }, "another file has taken its name"],
    [{ inode: "67:17" }, "another file has taken its name"],
    [{ inode: "66:117" }, "another file has taken its name"],
    [{ inode: "66:18", size: 4 }, "another file has taken its name"],
  ] as const) {
    expect(isSameFile({ ...NOW, ...change }, NOW)).toBe(false);
    expect(whatChanged({ ...NOW, ...change }, NOW)).toContain(words);
  }
});

test("without its device the inode number decides", () => {
  expect(isSameFile({ ...NOW, inode: "0:17" }, NOW)).toBe(true);
  expect(whatChanged({ ...NOW, inode: "0:17" }, NOW)).toBeNull();
  expect(isSameFile({ ...NOW, inode: "0:7" }, NOW)).toBe(false);
  expect(whatChanged({ ...NOW, inode: "0:7" }, NOW)).toBe("another file has taken its name");
});

test("what was not remembered has not changed, and is not known to be the same", () => {
  const nothing = { size: null, mtimeNs: null, inode: null };
  expect(whatChanged(nothing, NOW)).toBeNull();
  expect(isSameFile(nothing, NOW)).toBe(false);
  expect(whatChanged({ ...nothing, size: 4 }, NOW)).toContain("size");
});
