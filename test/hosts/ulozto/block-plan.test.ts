import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createPace } from "../../../src/hosts/ulozto/block-pace.ts";
import { countOf, planBlocks, rangeOf, readNumbers, writeNumbers } from "../../../src/hosts/ulozto/block-plan.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

test.each([
  [1, 4 * MIB],
  [8 * GIB - 1, 4 * MIB],
  [8 * GIB, 32 * MIB],
  [256 * GIB - 1, 32 * MIB],
  [256 * GIB, 128 * MIB],
  [5_000 * GIB, 128 * MIB],
])("a file of %d bytes has blocks of %d", (size, blockSize) => {
  expect(planBlocks(size).blockSize).toBe(blockSize);
});

test("blocks cover a file without gap or overlap", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 * GIB }), (size) => {
      const plan = planBlocks(size);
      let end = 0;
      for (let number = 1; number <= countOf(plan); number += 1) {
        const range = rangeOf(plan, number);
        expect(range.start).toBe(end);
        expect(range.end).toBeGreaterThan(range.start);
        end = range.end;
      }
      expect(end).toBe(size);
    }),
    { numRuns: 50 },
  );
});

describe("numbers in a checkpoint", () => {
  test("come back as they were", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 300 })), (numbers) => {
        expect(readNumbers(writeNumbers(numbers), 300)).toEqual(new Set([...numbers].sort((a, b) => a - b)));
      }),
    );
    expect(writeNumbers([5, 1, 2, 3])).toBe("1-3,5");
  });

  test.each(["0", "1-", "2-1", "1,1", "3,2", "9", "1-9", "x", "1,,2", "1 2", "-1", "1-3-5"])("%p is none", (text) => {
    expect(readNumbers(text, 8)).toBeNull();
  });
});

describe("the pace", () => {
  /** A line that gives every block `rate(lanes)` bytes per ms in all. */
  const line = (rate: (lanes: number) => number) => {
    let now = 0;
    const pace = createPace(() => now);
    const run = (blocks: number) => {
      for (let block = 0; block < blocks; block += 1) {
        const lanes = pace.limit;
        const took = (4 * MIB * lanes) / rate(lanes);
        now += took / lanes;
        pace.stored(4 * MIB, took);
      }
      return pace.limit;
    };
    return { pace, run };
  };

  test("is four blocks on a quick line", () => {
    expect(line(() => 1_000).run(50)).toBe(4);
  });

  test("falls on a slow line, where more at a time only means more to lose", () => {
    expect(line(() => 200).run(50)).toBe(1);
  });

  test("stays where each block fills only a part of the line", () => {
    expect(line((lanes) => 100 * lanes).run(50)).toBe(4);
  });

  test("halves on failures, down to one, and comes back", () => {
    const { pace, run } = line(() => 1_000);
    pace.failed();
    expect(pace.limit).toBe(2);
    pace.failed();
    pace.failed();
    expect(pace.limit).toBe(1);
    expect(run(30)).toBe(4);
  });
});
