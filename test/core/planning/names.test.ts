import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { assertPart, compileName, splitExtension } from "../../../src/core/planning/names.ts";

const NOON = new Date(2026, 0, 5, 12);
const render = (template: string, base = "archive.tar.gz", number = 7) =>
  compileName(template).render({ base, number, now: NOON });

describe("a template", () => {
  test.each([
    ["{name}", "archive.tar.gz"],
    ["{stem}", "archive.tar"],
    ["{ext}", "gz"],
    ["{n}-{name}", "7-archive.tar.gz"],
    ["{n:3}", "007"],
    ["{date} {stem}.bin", "2026-01-05 archive.tar.bin"],
    ["{{name}}", "{name}"],
    ["a{{b}}c", "a{b}c"],
    ["fixed.bin", "fixed.bin"],
  ])("%j becomes %j", (template, name) => {
    expect(render(template)).toBe(name);
  });

  test("numbers that outgrow their width are not cut", () => {
    expect(render("{n:2}", "x", 1234)).toBe("1234");
  });

  test("random letters differ and have their length", () => {
    const names = new Set(Array.from({ length: 50 }, () => render("{rand:12}")));
    expect(names.size).toBe(50);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]{12}$/);
  });

  test("says whether it varies", () => {
    expect(compileName("fixed").varies).toBe(false);
    expect(compileName("{{n}}").varies).toBe(false);
    expect(compileName("x{n}").varies).toBe(true);
    const numbered = ["{n}", "{{{n:3}}}", "{name}", "{{n}}", "n"].map((template) => compileName(template).numbered);
    expect(numbered).toEqual([true, true, false, false, false]);
  });

  test.each(["", "{}", "{size}", "{n:0}", "{n:x}", "{n:65}", "{rand}", "{rand:0}", "{name:3}", "{ n}"])(
    "%j is a usage error",
    (template) => {
      expect(() => compileName(template)).toThrow(expect.objectContaining({ code: "usage" }));
    },
  );

  test("text without braces is itself, and doubled braces survive", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
        expect(render(text.replaceAll("{", "{{").replaceAll("}", "}}"))).toBe(text);
      }),
    );
  });

  test("stem and extension make the name again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (base) => {
        const { stem, extension } = splitExtension(base);
        expect([stem, `${stem}.${extension}`]).toContain(base);
        expect(stem).not.toBe("");
      }),
    );
    expect(splitExtension(".bashrc")).toEqual({ stem: ".bashrc", extension: "" });
    expect(splitExtension("a.")).toEqual({ stem: "a", extension: "" });
  });
});

describe("a name for a host", () => {
  test.each([
    ["", "empty"],
    [".", "is . or .."],
    ["..", "is . or .."],
    ["x".repeat(256), "longer than 255"],
    ["a\0b", "NUL"],
    ["a\rb", "line break"],
    ["a\nb", "line break"],
    ["a/b", "contains a /"],
    ["a\ud800", "no valid Unicode"],
  ])("%j is refused", (name, words) => {
    expect(() => assertPart(name, "source", "the name")).toThrow(words);
    expect(() => assertPart(name, "source", "the name")).toThrow(expect.objectContaining({ code: "source" }));
  });

  test.each(["...", "a b", " ", "x".repeat(255), "😀".repeat(255), "a\\b", 'a"b', "a%00b"])("%j is taken", (name) => {
    expect(() => assertPart(name, "source", "the name")).not.toThrow();
  });
});
