import { describe, expect } from "bun:test";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Json, parseLines } from "./kit/lines.ts";
import { serve } from "./kit/server.ts";
import { scene, type World } from "./kit/world.ts";
import { gate } from "./stand-in/fault.ts";

const LOSSES: Readonly<Record<string, (w: World) => void>> = {
  "deleted with its directory": (w) => rmSync(w.stateDir, { recursive: true }),
  "deleted by its name": (w) => rmSync(join(w.stateDir, "hoist.db")),
  "robbed of its log": (w) => rmSync(join(w.stateDir, "hoist.db-wal")),
  "replaced by a copy": (w) => {
    const path = join(w.stateDir, "hoist.db");
    Bun.spawnSync(["cp", path, `${path}.copy`]);
    renameSync(`${path}.copy`, path);
  },
};

describe("a state database under a running server", () => {
  for (const [how, lose] of Object.entries(LOSSES)) {
    scene(`that is ${how} takes no job, and what runs ends with its link in the log`, async (w) => {
      const hold = gate();
      w.gig.fault("body", { gate: hold, gateAt: 10 });
      const s = await serve(w);
      expect((await s.call("GET", "/readyz")).status).toBe(200);
      await s.add(w.file("a.bin", 3_000_000), ["uploadgig"]);
      await hold.reached;
      lose(w);
      const path = w.file("b.bin", 10);
      const body = JSON.stringify({ path, to: ["uploadgig"] });
      const headers = { "content-type": "application/json", "idempotency-key": "k" };
      for (const _ of [1, 2]) {
        const refused = await s.call("POST", "/v1/jobs", { headers, body });
        expect(refused.status).toBe(507);
        expect(((await refused.json()) as Json).code).toBe("state");
      }
      expect((await s.call("GET", "/readyz")).status).toBe(503);
      hold.open();
      await s.live.until((_, err) => err.includes("keeps the link"));
      const lines = parseLines(s.live.err());
      expect(lines.find(({ msg }) => msg.includes("keeps the link"))?.msg).toContain(w.gig.files[0]?.url);
      expect(lines.map(({ event }) => event)).toContain("upload.done");
      expect(lines.find(({ event }) => event === "request.failed")?.msg).toContain("started again");
      s.live.kill("SIGTERM");
      expect((await s.live.ended).code).toBe(143);
      expect(s.live.err()).toContain('"event":"stopped"');
      expect(w.gig.files.map(({ name }) => name)).toEqual(["a.bin"]);
    });
  }

  scene("is missed without a request", async (w) => {
    const s = await serve(w);
    renameSync(w.stateDir, `${w.stateDir}.moved`);
    await s.live.until((_, err) => err.includes("no job is taken or started"));
    renameSync(`${w.stateDir}.moved`, w.stateDir);
    s.live.kill("SIGTERM");
    await s.live.ended;
    const next = await serve(w);
    expect((await next.ended((await next.add(w.file("a.bin", 10), ["uploadgig"])).id)).state).toBe("done");
  });
});
