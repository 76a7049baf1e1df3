import { expect, test } from "bun:test";
import { createPacked } from "../../../src/core/sources/packed.ts";

test.each([0, 1, 499, 500, 501, 1234])("%d values come back as they were, in their order", (count) => {
  const values = Array.from({ length: count }, (_, index) => ({
    name: `Žluť 😀 ${index}`,
    size: index === 7 ? null : index,
  }));
  const packed = createPacked<(typeof values)[number]>();
  for (const value of values) packed.add(value);
  expect([...packed.values()]).toEqual(values);
});
