import { describe, expect, test } from "bun:test";
import type { Live } from "./kit/run.ts";
import { type World, world } from "./kit/world.ts";

/** The environment that a running sandbox prints, as a shell would read it. */
async function environmentOf(live: Live): Promise<Record<string, string>> {
  await live.until((_, err) => /http:\/\/127\.0\.0\.1:\d+/.test(err));
  await live.until(
    (out) => out.includes("HOIST_ULOZTO_URL") && out.includes("HOIST_UPLOADGIG_URL") && out.endsWith("\n"),
  );
  const shell = Bun.spawnSync(["sh", "-c", `${live.out()}\nenv -0`], { env: { PATH: process.env.PATH ?? "" } });
  const pairs = shell.stdout
    .toString()
    .split("\0")
    .map((line) => /^(HOIST_[A-Z_]+)=(.*)$/s.exec(line));
  return Object.fromEntries(pairs.flatMap((match) => (match ? [[match[1] ?? "", match[2] ?? ""]] : [])));
}

async function inSandbox(faults: readonly string[], body: (w: World, env: Record<string, string>) => Promise<void>) {
  await using w = await world();
  const live = w.start(["sandbox", ...faults.flatMap((fault) => ["--fault", fault])], {
    env: { HOIST_STATE_DIR: `${w.dir}/sandbox` },
  });
  const env = await environmentOf(live);
  for (const name of Object.keys(w.env)) if (/^HOIST_(UPLOADGIG|ULOZTO)_/.test(name)) delete w.env[name];
  await body(w, env);
  live.kill("SIGTERM");
  expect((await live.ended).code).toBe(143);
  expect(w.gig.seen.length + w.ulozto.seen.length).toBe(0);
}

describe("hoist sandbox", () => {
  test.concurrent("prints an environment with which both hosts work, without any account", () =>
    inSandbox([], async (w, env) => {
      const files = [w.file("a.bin", 3_000_000), w.file("Žluť 😀.txt", 0)];
      const ran = await w.run(["up", ...files, "--to", "uploadgig", "--to", "ulozto:/A/B", "--json"], { env });
      expect(ran.code).toBe(0);
      expect(ran.summary).toMatchObject({ ok: 4, failed: 0 });
      const again = await w.run(["up", ...files, "--to", "ulozto:/A/B", "--skip-existing", "--json"], { env });
      expect(again.summary).toMatchObject({ skipped: 2, failed: 0 });
    }));

  for (const [fault, to, code] of [
    ["uploadgig.action=503:1", "uploadgig", 0],
    ["uploadgig.upload=reset:1", "uploadgig", 0],
    ["uploadgig.upload=lost:1", "uploadgig", 9],
    ["ulozto.upload=lost:1", "ulozto", 0],
    ["ulozto.upload=reset:1", "ulozto", 0],
    ["ulozto.commit=lost:1", "ulozto", 0],
    ["ulozto.link=503:*", "ulozto", 5],
  ] as const) {
    test.concurrent(`--fault ${fault} ends with ${code}`, () =>
      inSandbox([fault], async (w, env) => {
        const ran = await w.run(["up", w.file("a", 16_000_000), "--to", to, "--resumable", "never"], { env });
        expect(ran.code).toBe(code);
        expect(ran.err).not.toContain("[redacted]");
      }));
  }

  test.concurrent("an unknown fault is 2", async () => {
    await using w = await world();
    expect((await w.run(["sandbox", "--fault", "ulozto.nowhere=503"])).code).toBe(2);
  });
});
