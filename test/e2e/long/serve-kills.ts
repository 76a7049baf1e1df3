import { describe, expect, test } from "bun:test";
import { type Served, serve } from "../kit/server.ts";
import { type World, world } from "../kit/world.ts";

const JOBS = Number(process.env.HOIST_TEST_JOBS ?? "10000");
const KILLS = Number(process.env.HOIST_TEST_KILLS ?? "200");
const FILES = 50;
/** Callers that queue at the same time. */
const CALLERS = 16;
const QUICKEST_MS = 150;

describe(`${JOBS} jobs under ${KILLS} kills of their server`, () => {
  test("are neither lost nor committed twice", async () => {
    await using w = await world();
    const paths = Array.from({ length: FILES }, (_, n) => w.file(`source-${n}`, 2_000 + n));
    const accepted = new Map<string, string>();
    let next = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const s = await serve(w, "", ["--parallel", "8"]);
      const callers = Array.from({ length: CALLERS }, () => submit(s, () => next++));
      await Bun.sleep(QUICKEST_MS + Math.random() * 400);
      s.live.kill("SIGKILL");
      await Promise.all([s.live.ended, ...callers]);
    }
    const s = await serve(w, "", ["--parallel", "8"]);
    await Promise.all(Array.from({ length: CALLERS }, () => submit(s, () => next++)));
    const states = new Map<string, number>();
    for (const id of accepted.values()) {
      const { state } = await ended(s, id);
      states.set(state, (states.get(state) ?? 0) + 1);
    }
    const times = committed(w);
    expect([...times].filter(([, count]) => count > 1)).toEqual([]);
    expect([...accepted.keys()].filter((name) => !times.has(name))).toEqual([]);
    expect([...states]).toEqual([["done", accepted.size]]);
    expect(accepted.size).toBeGreaterThan(JOBS / 2);
    w.expectClean();

    /** Queues jobs, each under a name of its own, until there are enough or the server dies. */
    async function submit(server: Served, take: () => number): Promise<void> {
      for (let n = take(); n < JOBS; n = take()) {
        const name = `job-${n}.bin`;
        try {
          accepted.set(name, (await server.add(paths[n % FILES] ?? "", ["ulozto:/K"], { name })).id);
        } catch {
          return;
        }
      }
    }
  }, 3_600_000);
});

async function ended(s: Served, id: string) {
  for (;;) {
    const job = await (await s.call("GET", `/v1/jobs/${id}`, { headers: { prefer: "wait=60" } })).json();
    if (["done", "failed", "cancelled", "unknown"].includes(job.state)) return job;
  }
}

/** How often each name was committed. */
function committed(w: World): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const { name } of w.ulozto.files) times.set(name, (times.get(name) ?? 0) + 1);
  return times;
}
