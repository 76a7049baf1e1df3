import { describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { bytesOf, isBug, request, statusOf } from "../../server/mutants.ts";
import { parseLines } from "../kit/lines.ts";
import { world } from "../kit/world.ts";

const REQUESTS = Number(process.env.HOIST_TEST_REQUESTS ?? "100000");
const SEED = Number(process.env.HOIST_TEST_SEED ?? "42");
/** Made at a time: all of them would not fit. */
const BATCH = 1_000;
/** Below what the server takes at once, so that few are turned away for want of room. */
const AT_ONCE = 32;
/** Half of a request is never answered. */
const PATIENCE_MS = 150;

const secretOf = (name: string) => `${name}-secret-that-is-long-enough`;

describe(`${REQUESTS} mutated requests, seed ${SEED}`, () => {
  test("are no bug, and the binary serves on", async () => {
    await using w = await world();
    // What is queued stays queued: this is about what is let in.
    for (const account of ["ulozto", "uploadgig"]) await w.run(["account", "pause", account]);
    const named = w.file("x", 10);
    const tokens = { all: ["submit", "read", "manage", "delete"], submit: ["submit"], read: ["read"] };
    const file = w.file(
      "../hoist.toml",
      `${Object.entries(tokens)
        .map(
          ([name, scopes]) =>
            `[[serve.tokens]]\nname="${name}"\nsecret="${secretOf(name)}"\nscopes=${JSON.stringify(scopes)}`,
        )
        .join("\n")}
[hooks.open]
path = "$.path"
to = ["ulozto:/{payload.title}"]
methods = ["GET", "POST"]
[hooks.arr]
preset = "sonarr"
to = ["ulozto"]
auth = { bearer = "${secretOf("arr")}" }
[serve]
max_spool = "10K"
`,
    );
    Bun.spawnSync(["chmod", "600", file]);
    w.env.HOIST_SERVE_ROOTS = join(w.dir, "files");
    const live = w.start(["serve", "--listen", "127.0.0.1:0", "--config", file]);
    await live.until((_, err) => /listening on http/.test(err));
    const port = Number(/listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(live.err())?.[1]);
    const target = { host: `127.0.0.1:${port}`, file: named, bearer: (name: string) => `Bearer ${secretOf(name)}` };

    const seen = new Map<number, number>();
    const bugs: string[] = [];
    for (let from = 0; from < REQUESTS; from += BATCH) {
      const numRuns = Math.min(BATCH, REQUESTS - from);
      const batch = fc.sample(request, { numRuns, seed: SEED + from });
      const worker = async () => {
        for (let parts = batch.pop(); parts !== undefined; parts = batch.pop()) {
          const bytes = bytesOf(target, parts);
          const status = await statusOf(await opened(port), bytes, PATIENCE_MS);
          seen.set(status, (seen.get(status) ?? 0) + 1);
          if (isBug(status)) bugs.push(bytes);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    }
    console.log(`  statuses: ${JSON.stringify(Object.fromEntries([...seen].sort(([a], [b]) => a - b)))}`);
    expect(bugs).toEqual([]);
    expect(parseLines(live.err()).filter(({ event }) => event === "request.failed")).toEqual([]);
    const listed = await fetch(`http://${target.host}/v1/jobs`, { headers: { authorization: target.bearer("all") } });
    expect(listed.status).toBe(200);
    for (const status of [200, 202, 400, 401, 404, 405, 415, 421, 422])
      expect([status, seen.has(status)]).toEqual([status, true]);
    live.kill("SIGTERM");
    expect((await live.ended).code).toBe(143);
  }, 3_600_000);
});

async function opened(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await new Promise<void>((resolve) => {
    socket.once("connect", resolve);
    socket.once("close", () => resolve());
  });
  return socket;
}
