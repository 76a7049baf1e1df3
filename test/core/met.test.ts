import { expect, test } from "bun:test";
import { createMet } from "../../src/core/met.ts";

test("each of very many texts is new once", () => {
  const met = createMet();
  const texts = Array.from({ length: 50_000 }, (_, number) => `/some/path/${number}`);
  expect(met.has("/some/path/7")).toBe(false);
  expect(texts.every((text) => met.add(text))).toBe(true);
  expect(texts.some((text) => met.add(text))).toBe(false);
  expect([met.has("/some/path/7"), met.has("/some/path/x")]).toEqual([true, false]);
});
