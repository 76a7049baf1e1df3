import { describe, expect, test } from "bun:test";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { type Kills, survivesKills } from "./kit/kills.ts";
import { md5, scene, type World, world } from "./kit/world.ts";
import { gate } from "./stand-in/fault.ts";

const MIB = 1024 ** 2;
const BLOCK = 4 * MIB;

const blocksOf = (path: string) => {
  const content = readFileSync(path);
  return Array.from({ length: Math.ceil(content.length / BLOCK) }, (_, at) => {
    const block = content.subarray(at * BLOCK, (at + 1) * BLOCK);
    return { size: block.length, md5: md5(block) };
  });
};
const always = (path: string) => ["up", path, "--to", "ulozto:/F", "--json", "--resumable", "always"];
const storedBlocks = (w: World) => w.ulozto.of("block").filter((one) => one.status === 200 || one.status === 201);

describe("blocks on Ulož.to", () => {
  scene("auto sends 256 MiB in blocks, and less in one piece", async (w) => {
    const path = w.file("large.bin", "");
    truncateSync(path, 256 * MIB);
    const ran = await w.run(["up", path, w.file("small.bin", 100), "--to", "ulozto", "--json"]);
    expect(ran.code).toBe(0);
    expect(ran.results.map((one) => [one.name, one.verified, one.md5 === null]).sort()).toEqual([
      ["large.bin", "size", true],
      ["small.bin", "md5", false],
    ]);
    expect(w.ulozto.of("block").length).toBe(64);
    expect(ran.peakMiB).toBeLessThan(100);
  });

  scene("a host without blocks: auto says so and goes the documented way, always ends with 7", async (w) => {
    w.ulozto.fault("resumable-link", { status: 404 }, 99);
    const path = w.file("large.bin", "");
    truncateSync(path, 256 * MIB);
    const ran = await w.run(["up", path, "--to", "ulozto", "--json"]);
    expect(ran.result).toMatchObject({ ok: true, verified: "md5" });
    expect(ran.err).toContain("does not offer uploads in blocks");
    const refused = await w.run(always(w.file("b.bin")));
    expect(refused.result).toMatchObject({ ok: false, error: { code: "host_rejected", exit: 7 } });
    expect(refused.code).toBe(7);
  });

  scene("UploadGig has no blocks: exit 2 before any call", async (w) => {
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig,ulozto", "--resumable", "always"]);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain("--resumable always");
    expect(w.gig.seen.length + w.ulozto.seen.length).toBe(0);
  });

  scene("Ctrl-C, then resume: nothing that is stored is sent again", async (w) => {
    const path = w.file("a.bin", 8 * BLOCK);
    const held = gate();
    w.ulozto.fault("block", { gate: held, gateAt: 1000, when: ({ target }) => target.endsWith("/6") });
    const live = w.start(always(path));
    await held.reached;
    await live.until(() => storedBlocks(w).length >= 4);
    live.kill("SIGINT");
    const stopped = await live.ended;
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain("hoist resume");
    held.open();
    const stored = storedBlocks(w).length;
    const resumed = await w.run(["resume", "--json"]);
    expect(resumed.result).toMatchObject({ ok: true, verified: "size", size: 8 * BLOCK });
    expect(storedBlocks(w).length).toBe(8);
    expect(stored).toBeGreaterThanOrEqual(4);
    expect(w.ulozto.files[0]?.blocks).toEqual(blocksOf(path));
    expect(w.ulozto.of("register").length).toBe(1);
  });

  scene("the same command goes on, too, and shows where it stands", async (w) => {
    const path = w.file("a.bin", 6 * BLOCK);
    w.ulozto.fault("block", { status: 503, when: ({ target }) => target.endsWith("/6") }, 99);
    const failed = await w.run([...always(path), "--retries", "1"]);
    expect(failed.result).toMatchObject({ ok: false, error: { code: "host_unavailable", retryable: true } });
    w.ulozto.heal();
    const ran = await w.run([...always(path), "-v"]);
    expect(ran.result).toMatchObject({ ok: true });
    expect(storedBlocks(w).length).toBe(6);
    for (const { bytes } of ran.json.filter((line) => line.type === "progress")) {
      expect(bytes).toBeLessThanOrEqual(6 * BLOCK);
    }
  });

  scene("a file that changed meanwhile starts anew and says so; versions are never mixed", async (w) => {
    const path = w.file("a.bin", 6 * BLOCK);
    for (let version = 0; version < 3; version += 1) {
      const held = gate();
      w.ulozto.fault("block", { gate: held, gateAt: 1000, when: ({ target }) => target.endsWith("/5") });
      const live = w.start(version === 0 ? always(path) : ["resume", "--json"]);
      await held.reached;
      live.kill("SIGKILL");
      await live.ended;
      held.open();
      writeFileSync(path, readFileSync(path).reverse());
    }
    const ran = await w.run(["resume", "--json"]);
    expect(ran.result).toMatchObject({ ok: true });
    expect(ran.err).toContain("starts anew");
    expect(w.ulozto.files.length).toBe(1);
    expect(w.ulozto.files[0]?.blocks).toEqual(blocksOf(path));
  });

  scene("a file that changes while it is sent is no success and never visible", async (w) => {
    const path = w.file("a.bin", 3 * BLOCK);
    const held = gate();
    w.ulozto.fault("block-status", { gate: held, gateAt: "end" });
    const live = w.start(always(path));
    await held.reached;
    writeFileSync(path, readFileSync(path).reverse());
    held.open();
    const ran = await live.ended;
    expect(ran.code).toBe(4);
    expect(w.ulozto.files).toEqual([]);
    expect(w.ulozto.of("commit").length).toBe(0);
  });

  test("survives ten kills at random", async () => {
    await using w = await world();
    const kills: Kills = { size: 64 * MIB, kills: 10, rate: "48M" };
    const { path, again } = await survivesKills(w, kills);
    expect(w.ulozto.files[0]?.blocks).toEqual(blocksOf(path));
    expect(again).toBeLessThanOrEqual(kills.size / 4);
    w.expectClean();
  }, 60_000);
});
