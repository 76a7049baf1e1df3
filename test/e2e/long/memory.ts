import { describe, expect, test } from "bun:test";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { world } from "../kit/world.ts";

const GIB = 1024 ** 3;
const SIZE = Number(process.env.HOIST_TEST_GIB ?? "5") * GIB;
const LIMIT_MIB = 100;

describe(`a file of ${SIZE / GIB} GiB passes in less than ${LIMIT_MIB} MiB of memory`, () => {
  for (const tls of [false, true]) {
    for (const [host, ...options] of [
      ["uploadgig"],
      ["ulozto", "--resumable", "never"],
      ["ulozto", "--resumable", "always"],
    ] as const) {
      test(`to ${host} ${options.join(" ")} over ${tls ? "TLS" : "HTTP"}`, async () => {
        await using w = await world({ tls });
        const path = join(w.dir, "files", "sparse.bin");
        writeFileSync(path, "");
        truncateSync(path, SIZE);
        const ran = await w.run(["up", path, "--to", host, ...options, "--json"]);
        expect(ran.result).toMatchObject({ ok: true, size: SIZE });
        expect(ran.peakMiB).toBeGreaterThan(5);
        expect(ran.peakMiB).toBeLessThan(LIMIT_MIB);
        expect(host === "uploadgig" ? w.gig.files : w.ulozto.files).toMatchObject([{ size: SIZE }]);
        w.expectClean();
      }, 300_000);
    }
  }
});
