import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { directoriesBelow, isWithin, plainPath, rewritePath } from "../../../src/server/hooks/paths.ts";

describe("plain paths", () => {
  test.each([
    ["/a/b", "/a/b"],
    ["/a//b/./c/", "/a/b/c"],
    ["/a/../b", "/b"],
    ["/../../etc/passwd", "/etc/passwd"],
    ["./rec/a", "rec/a"],
    ["../a", "../a"],
    ["/", "/"],
    ["C:\\Media\\a b\\x.mkv", "C:/Media/a b/x.mkv"],
    ["c:/Media\\..\\x", "c:/x"],
    ["\\\\nas\\share\\x", "/nas/share/x"],
    ["/a\\b", "/a\\b"],
    ["/a\nb", "/a\nb"],
  ])("%j", (sent, plain) => expect(plainPath(sent)).toBe(plain));

  test("what no file is called", () => {
    for (const sent of ["", "/a\0b", `/${"a".repeat(4096)}`, `/${"ž".repeat(2048)}`])
      expect(plainPath(sent)).toBeNull();
    expect(plainPath(`/${"a".repeat(4095)}`)).not.toBeNull();
  });
});

describe("rewrite", () => {
  const rules = [
    { from: "/downloads", to: "/srv/media" },
    { from: "/downloads/tv", to: "/srv/tv" },
    { from: "C:/Media", to: "/mnt/media" },
    { from: "rec", to: "/srv/rec" },
  ];
  test.each([
    ["/downloads/a.mkv", "/srv/media/a.mkv"],
    ["/downloads", "/srv/media"],
    ["/downloads-old/a.mkv", "/downloads-old/a.mkv"],
    ["/downloads/tv/a.mkv", "/srv/tv/a.mkv"],
    ["/downloads/tvx/a.mkv", "/srv/media/tvx/a.mkv"],
    ["/x/downloads/a.mkv", "/x/downloads/a.mkv"],
    ["c:/media/A.mkv", "/mnt/media/A.mkv"],
    ["/Downloads/a.mkv", "/Downloads/a.mkv"],
    ["rec/a", "/srv/rec/a"],
    ["record/a", "record/a"],
  ])("%s → %s", (path, here) => expect(rewritePath(path, rules)).toBe(here));

  test("/ stands for every absolute path, . for every relative one", () => {
    const all = [
      { from: "/", to: "/mnt/other" },
      { from: ".", to: "/mnt/work" },
    ];
    expect(rewritePath("/a/b", all)).toBe("/mnt/other/a/b");
    expect(rewritePath("a/b", all)).toBe("/mnt/work/a/b");
    expect(rewritePath("D:/a", all)).toBe("D:/a");
  });
});

test("below base", () => {
  expect(directoriesBelow("/srv/media", "/srv/media/a/b/x.mkv")).toEqual(["a", "b"]);
  expect(directoriesBelow("/srv/media", "/srv/media/x.mkv")).toEqual([]);
  expect(directoriesBelow("/srv/media", "/srv/media-2/a/x.mkv")).toEqual([]);
  expect(directoriesBelow("/srv/media", "/srv/media")).toEqual([]);
  expect(directoriesBelow("/", "/a/x.mkv")).toEqual(["a"]);
});

test("no way of writing a path makes it look inside a folder that it leaves", () => {
  const part = fc.oneof(fc.constantFrom("..", ".", "", "a", "root", "root-evil"), fc.string({ maxLength: 4 }));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const plain = plainPath(`/srv/root/${parts.join("/")}`);
      if (plain === null) return;
      let depth: string[] = [];
      for (const each of `/srv/root/${parts.join("/")}`.split("/")) {
        if (each === "..") depth = depth.slice(0, -1);
        else if (each !== "" && each !== ".") depth.push(each);
      }
      expect(isWithin(plain, "/srv/root")).toBe(depth[0] === "srv" && depth[1] === "root");
    }),
    { seed: 3, numRuns: 500 },
  );
});
