import { expect, test } from "bun:test";
import { createMet } from "../../../src/core/sources/met.ts";

test("each of very many texts is new once", () => {
  const met = createMet();
  const texts = Array.from({ length: 50_000 }, (_, number) => `/some/path/${number}`);
  expect(texts.every((text) => met.add(text))).toBe(true);
  expect(texts.some((text) => met.add(text))).toBe(false);
  expect(["/some/path/7", "/some/path/x", ""].map((text) => met.add(text))).toEqual([false, true, true]);
});
