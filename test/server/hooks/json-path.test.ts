import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseJsonPath, select, selectTexts } from "../../../src/server/hooks/json-path.ts";

const ROOT = {
  a: { b: "one", "x y": "two", 'q"': "three", "it's": "four" },
  list: [{ p: "0" }, { p: "1", q: [1, 2] }, { r: null }],
  "*": "star",
  webhook_id: "id",
  "žluť-2": "kůň",
};

function at(text: string): unknown[] {
  const path = parseJsonPath(text);
  if (path === null) throw new Error(`${text} is no path`);
  return select(path, ROOT);
}

describe("a path into a payload", () => {
  test.each([
    ["$.a.b", ["one"]],
    ["$['a']['b']", ["one"]],
    ['$["a"]["x y"]', ["two"]],
    ['$.a["q\\""]', ["three"]],
    ["$.a['it\\'s']", ["four"]],
    ['$.a["\\u0062"]', ["one"]],
    ["$.list[*].p", ["0", "1"]],
    ["$.list[0].p", ["0"]],
    ["$.list[-2].p", ["1"]],
    ["$.list[1].q[*]", [1, 2]],
    ["$.list[2].r", [null]],
    ["$.list[3]", []],
    ["$.list[-4]", []],
    ["$.list.p", []],
    ["$.list.length", []],
    ["$.a[0]", []],
    ["$.a.b.c", []],
    ["$.a[*]", ["one", "two", "three", "four"]],
    ['$["*"]', ["star"]],
    ["$.webhook_id", ["id"]],
    ["$.žluť-2", ["kůň"]],
    ["$", [ROOT]],
  ])("%s", (text, values) => expect(at(text)).toEqual(values));

  test("only a payload's own members are there", () => {
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) expect(at(`$.${name}`)).toEqual([]);
    const own = JSON.parse('{"__proto__":"mine"}');
    expect(selectTexts(parseJsonPath("$.__proto__") ?? [], own)).toEqual(["mine"]);
  });

  test("what is none", () => {
    const none = [
      "",
      "a",
      "a.b",
      "$a",
      "$.",
      "$..a",
      "$.a.",
      "$.*",
      "$[",
      "$[]",
      "$[a]",
      "$[0",
      '$["a]',
      "$[1.5]",
      "$[0:2]",
    ];
    for (const text of [...none, "$[?(@.a)]", "$.a b", '$["\\x"]', `$${".a".repeat(300)}`]) {
      expect([text, parseJsonPath(text)]).toEqual([text, null]);
    }
  });

  test("any name can be written in brackets", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { maxLength: 20 }), (units) => {
        const name = String.fromCharCode(...units);
        const value = Object.fromEntries([[name, "here"]]);
        const path = parseJsonPath(`$[${JSON.stringify(name)}]`);
        expect(path === null ? null : select(path, value)).toEqual(["here"]);
      }),
      { seed: 11, numRuns: 300 },
    );
  });
});

test("texts: lists count as their elements, everything else is left out", () => {
  const path = parseJsonPath("$.a[*]") ?? [];
  expect(selectTexts(path, { a: ["x", ["y", "z"], 1, null, { a: "b" }, true] })).toEqual(["x", "y", "z"]);
});
