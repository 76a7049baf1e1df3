import { describe, expect } from "bun:test";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scene } from "./kit/world.ts";

const MIB = 1024 ** 2;

/** The full size of 5 GiB is in `long/memory.ts`, a walk of 100,000 files in `long/walk.ts`. */
describe("memory does not grow with the file", () => {
  for (const [host, tls] of [
    ["uploadgig", false],
    ["ulozto", true],
  ] as const) {
    scene(
      `256 MiB to ${host} over ${tls ? "TLS" : "HTTP"} stay below 100 MiB`,
      async (w) => {
        const path = join(w.dir, "files", "sparse.bin");
        writeFileSync(path, "");
        truncateSync(path, 256 * MIB);
        const ran = await w.run(["up", path, "--to", host, "--json", "--resumable", "never"]);
        expect(ran.result).toMatchObject({ ok: true, size: 256 * MIB });
        expect(ran.peakMiB).toBeLessThan(100);
      },
      { tls },
    );
  }
});
