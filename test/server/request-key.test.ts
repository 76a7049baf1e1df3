import { expect, test } from "bun:test";
import { hash } from "node:crypto";
import fc from "fast-check";
import { hashOf } from "../../src/server/request-key.ts";

const shuffled = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(shuffled);
  const members = Object.entries(value).map(([key, member]) => [key, shuffled(member)] as const);
  return Object.fromEntries(members.reverse());
};

test("the hash is of the JSON, whatever the order of a table's keys", () => {
  const text = '{"a":[1,"\\ud800",{"b":null,"c":[]}],"d":{"__proto__":{"e":-0.5},"f":true}}';
  expect(hashOf(shuffled(JSON.parse(text)))).toBe(hash("sha256", text, "hex"));
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      expect(hashOf(shuffled(one))).toBe(hashOf(one));
      const isSame = Bun.deepEquals(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)));
      expect(hashOf(one) === hashOf(other)).toBe(isSame);
    }),
  );
});

test("nesting takes no more time than other text of that length", () => {
  const depth = 200_000;
  const startedAt = performance.now();
  hashOf(JSON.parse("[".repeat(depth) + "]".repeat(depth)));
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});
