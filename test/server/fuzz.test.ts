import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { bearer, type Stage, secretOf, stage } from "./fixture.ts";
import { hookOf } from "./hooks/fixture.ts";
import { bytesOf, isBug, request, statusOf } from "./mutants.ts";

/** 100,000 of them meet the compiled binary in test/e2e/long/fuzz.ts. */
const RUNS = 300;
const SEED = 42;

const HOOKS = await Promise.all([
  hookOf(
    `[hooks.open]\npath = "$.path"\nto = ["deep:/{payload.title}"]\nroots = ["/srv/out"]\nmethods = ["GET", "POST"]`,
  ),
  hookOf(
    `[hooks.arr]\npreset = "sonarr"\nto = ["deep"]\nroots = ["/srv/out"]\nauth = { bearer = "${secretOf("arr")}" }`,
  ),
]);

let at: Stage;
beforeAll(async () => {
  at = await stage({ hooks: HOOKS, settings: { maxSpool: 10_000 } });
});
afterAll(() => at[Symbol.asyncDispose]());

test("no request is a bug or ends the server", async () => {
  const seen = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(request, async (parts) => {
      const bytes = bytesOf({ host: at.host, file: "/srv/out/x", bearer }, parts);
      const status = await statusOf(await at.open(), bytes, 60);
      seen.set(status, (seen.get(status) ?? 0) + 1);
      expect([bytes, isBug(status)]).toEqual([bytes, false]);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(at.log.filter(({ event }) => event === "request.failed")).toEqual([]);
  expect((await at.fetch("/v1/jobs")).status).toBe(200);
  // The requests reach the routes at all.
  expect((seen.get(200) ?? 0) + (seen.get(202) ?? 0)).toBeGreaterThan(0);
  expect(seen.size).toBeGreaterThan(5);
}, 60_000);
