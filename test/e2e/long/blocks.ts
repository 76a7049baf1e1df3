import { describe, expect, test } from "bun:test";
import { survivesKills } from "../kit/kills.ts";
import { world } from "../kit/world.ts";

const GIB = 1024 ** 3;

describe("2 GiB in blocks", () => {
  test("survive twenty kills at random; at most a quarter is sent twice", async () => {
    await using w = await world();
    const size = 2 * GIB;
    const { again, inAll } = await survivesKills(w, { size, kills: 20, rate: "96M" });
    expect(again).toBe(0);
    expect(inAll).toBeLessThanOrEqual(1.25 * size);
    w.expectClean();
  }, 300_000);
});
