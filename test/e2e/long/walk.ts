import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { world } from "../kit/world.ts";

const FILES = 100_000;
const LIMIT_MIB = 150;

describe(`a walk of ${FILES} files stays below ${LIMIT_MIB} MiB`, () => {
  for (const [what, args, code] of [
    ["planned", ["-n"], 0],
    ["planned, and all of it named by a list once more", ["-n", "--files-from", "list"], 0],
    ["recorded, with an account that refuses its login", [], 6],
  ] as const) {
    test(what, async () => {
      await using w = await world();
      const script = `mkdir t && cd t && for d in $(seq 500); do mkdir $d && (cd $d && touch $(seq ${FILES / 500})); done
        cd .. && find t -type f > list`;
      Bun.spawnSync(["sh", "-c", script], { cwd: join(w.dir, "files") });
      w.gig.password = "changed";
      const ran = await w.run(["up", "-r", "t/", "--to", "uploadgig", "--json", ...args]);
      expect(ran.code).toBe(code);
      const files = ran.json.filter(({ type }) => type !== "summary");
      expect(files.length).toBe(FILES);
      expect(w.gig.of("action").length).toBe(code === 0 ? 0 : 1);
      expect(ran.peakMiB).toBeGreaterThan(5);
      expect(ran.peakMiB).toBeLessThan(LIMIT_MIB);
      w.expectClean();
    }, 300_000);
  }
});
