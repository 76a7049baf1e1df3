import { expect, test } from "bun:test";
import fc from "fast-check";
import { safeJson, safeText, shellWord } from "../src/safe-text.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

test("a name that would forge a log line or a title is one harmless line", () =>
  expect(safeText("a\r\n2026 INFO fake\x1b]0;x\x07\u009b1m\u202egpj")).toBe(
    "a\\u{d}\\u{a}2026 INFO fake\\u{1b}]0;x\\u{7}\\u{9b}1m\\u{202e}gpj",
  ));

test("what is harmless stays: Czech, CJK, emoji, quotes", () => {
  const text = "Příliš žluťoučký 日本語 👩‍👩‍👧 \"'`_*\\";
  expect(safeText(text)).toBe(text);
});

test("a word for a shell comes back as it was, whatever is in it", () => {
  expect(["a/b.txt", "ulozto:/Příliš", "it's", "$HOME `x`", ""].map(shellWord)).toEqual([
    ...["a/b.txt", "ulozto:/Příliš", "'it'\\''s'", "'$HOME `x`'", "''"],
  ]);
  const words = ["~", "a b", "*?[x]", "!!", "(;|&<>)", '"', "\\", "#x", "{a,b}", "č'č"];
  const said = Bun.spawnSync(["sh", "-c", `printf '%s\\n' ${words.map(shellWord).join(" ")}`]).stdout.toString();
  expect(said).toBe(words.map((word) => `${word}\n`).join(""));
});

test("any text: no unsafe character, valid Unicode, stable", () =>
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const safe = safeText(text);
      expect(safe).not.toMatch(UNSAFE);
      expect(safe.isWellFormed()).toBe(true);
      expect(safeText(safe)).toBe(safe);
    }),
  ));

test("any JSON: one line without an unsafe character, which a parser gives back", () =>
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const line = safeJson(value);
      expect(line).not.toMatch(UNSAFE);
      expect(JSON.stringify(JSON.parse(line))).toBe(JSON.stringify(value));
    }),
  ));
