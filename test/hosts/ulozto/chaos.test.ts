import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Fault } from "../../e2e/stand-in/fault.ts";
import type { UloztoStep } from "../../e2e/stand-in/ulozto.ts";
import { harness } from "./harness.ts";

const FAULTS: readonly (readonly [UloztoStep, Fault])[] = [
  ["login-token", { status: 503, body: "" }],
  ["link", { status: 401, body: { error: 70_001, code: 401, message: "expired" } }],
  ["link", { breakAt: "answer" }],
  ["upload", { breakAt: "end" }],
  ["upload", { breakAt: "answer" }],
  ["upload", { breakAt: 100 }],
  ["upload", { status: 200, body: "<html>", effect: true }],
  ["upload", { status: 403, body: { return_code: 403, message: "Link is over" } }],
  ["upload", { body: { return_code: 415, message: "Forbidden" } }],
  ["upload", { change: (answer) => ({ ...answer, md5: "0".repeat(32) }) }],
  ["upload", { delayMs: 30 }],
  ["properties", { breakAt: "answer" }],
  ["properties", { status: 503, body: "" }],
  ["properties", { status: 422, body: { error: 1, code: 422, message: "No" } }],
  ["property", { status: 502, body: "" }],
  ["create-folder", { breakAt: "answer" }],
  ["commit", { breakAt: "answer" }],
  ["commit", { breakAt: "end" }],
  ["commit", { status: 503, body: "" }],
];

const plan = fc.record({
  faults: fc.array(fc.nat(FAULTS.length - 1), { maxLength: 8 }),
  uploads: fc.array(fc.record({ folder: fc.constantFrom("/", "/A", "/A/B"), retries: fc.constantFrom(0, 1, 6) }), {
    minLength: 2,
    maxLength: 9,
  }),
  /** Upload → the phase in which it is stopped. */
  stops: fc.dictionary(
    fc.constantFrom("0", "1", "2"),
    fc.constantFrom("sending", "finishing", "stored", "placed", "committing"),
    { maxKeys: 1 },
  ),
});

/**
 * Whatever goes wrong, in whatever order: what was reported stored is there once, what was not is not there, unless
 * its record says that the commit had been asked for; and the host never saw a commit of anything doubtful.
 */
test("no mix of failures shows a file twice, hides one that was reported, or commits a doubtful one", async () => {
  const property = fc.asyncProperty(plan, async ({ faults, uploads, stops }) => {
    await using h = await harness();
    for (const index of faults) h.host.fault(...(FAULTS[index] as (typeof FAULTS)[number]));
    const all = await Promise.all(
      uploads.map(({ folder, retries }, n) => {
        const stop = new AbortController();
        const onPhase = (phase: string) => {
          if (stops[n] === phase) stop.abort();
        };
        return h.upload(`f${n}`, 500 + n, {
          folder,
          more: n < uploads.length - 1,
          retries,
          signal: stop.signal,
          onPhase,
        });
      }),
    );
    expect(h.host.violations).toEqual([]);
    for (const [n, { result, error, phases }] of all.entries()) {
      const there = h.host.files.filter((file) => file.name === `f${n}`);
      if (result !== null) {
        expect(there).toMatchObject([{ slug: result.remoteId ?? "", size: 500 + n }]);
        expect(h.host.pathOf(there[0] as (typeof there)[number])).toBe(uploads[n]?.folder ?? "");
      } else {
        expect(error).not.toBeNull();
        expect(error?.code).not.toBe("internal");
        expect(there.length).toBeLessThanOrEqual(phases.at(-1) === "committing" ? 1 : 0);
      }
    }
  });
  await fc.assert(property, { numRuns: 20 });
}, 60_000);
