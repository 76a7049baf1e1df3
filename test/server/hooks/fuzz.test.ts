import { expect, test } from "bun:test";
import fc from "fast-check";
import { AppError } from "../../../src/errors.ts";
import type { HookRequest } from "../../../src/server/hooks/request.ts";
import { runHook } from "../../../src/server/hooks/run.ts";
import { describeTrace, traceHook } from "../../../src/server/hooks/trace.ts";
import { fixture, get, hookOf, post } from "./fixture.ts";

const PAYLOADS: Readonly<Record<string, readonly string[]>> = {
  sonarr: ["sonarr-import.json", "sonarr-import-complete.json", "sonarr-test.json"],
  radarr: ["radarr-upgrade.json", "radarr-rename.json"],
  qbittorrent: ["qbittorrent.json", "qbittorrent.form"],
  transmission: ["transmission.form"],
  mediamtx: ["mediamtx.form", "mediamtx.query"],
  bililive: ["bililive-file-closed.json", "bililive-v1.json", "bililive-go.form"],
  generic: ["generic-artifact.json"],
};

const NASTY = [
  null,
  0,
  -1,
  1e308,
  true,
  "",
  " ",
  "..",
  "/",
  "/..",
  "\0",
  "\ud800",
  "\u202e",
  "C:\\x",
  "\\\\a\\b",
  [],
  {},
  [[]],
  "x".repeat(5000),
];
const nasty = fc.oneof(
  fc.constantFrom<unknown>(...NASTY),
  fc.string({ maxLength: 12 }).map((text) => `/srv/${text}`),
  fc.jsonValue({ maxDepth: 2 }),
);

/** The fixture with one member, chosen by number, replaced or removed. */
function mutate(value: unknown, at: number, by: unknown): unknown {
  let count = 0;
  const visit = (node: unknown): unknown => {
    if (count++ === at) return by;
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, member]) => [key, visit(member)]));
  };
  return visit(value);
}

/** Each request either asks for jobs of usable shape, or is turned away by an AppError of its two kinds. */
async function survives(hook: Awaited<ReturnType<typeof hookOf>>, request: HookRequest): Promise<void> {
  try {
    const outcome = runHook(hook, request);
    if (outcome.kind !== "jobs") return;
    expect(outcome.jobs.length).toBeGreaterThan(0);
    for (const { path, to, name } of outcome.jobs) {
      expect(path).toStartWith("/");
      expect(path.split("/")).not.toContain("..");
      expect(path).not.toContain("\0");
      for (const { folder } of to) {
        if (folder === null) continue;
        expect(folder).toStartWith("/S/");
        expect(folder).not.toMatch(/\p{Cc}|\/\/|\/\.{1,2}(?:\/|$)/u);
        expect(folder.isWellFormed()).toBeTrue();
      }
      if (name !== null) expect(name).not.toMatch(/[/\p{Cc}]/u);
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(["usage", "source"]).toContain(error.code);
  }
  expect(describeTrace(await traceHook(hook, request, async () => ({ ok: true, why: "" }))).join("")).not.toMatch(
    /[\p{Cc}\u202e]/u,
  );
}

test.each(Object.entries(PAYLOADS))("mutated payloads of %s", async (preset, names) => {
  const generic = preset === "generic" ? 'path = "$.artifact.files[*].path"\nname = "$.artifact.title"' : "";
  const hook = await hookOf(`[hooks.x]
    preset = "${preset}"
    to = ["deep:/S/{payload.series.title}", "deep:/S/x", "flat"]
    base = "/srv"
    methods = ["POST", "GET"]
    rewrite = [["/downloads", "/srv/media"], ['D:\\', "/srv/d"]]
    ${generic}`);
  const lax = { ...hook, to: hook.to.slice(1) };
  const request = fc.oneof(
    fc.tuple(fc.constantFrom(...names), fc.nat(60), nasty).map(([name, at, by]) => {
      const text = new TextDecoder().decode(fixture(name));
      if (name.endsWith(".json")) return post(mutate(JSON.parse(text), at, by));
      const fields = [...new URLSearchParams(text)].map(([key, value], index): [string, string] => [
        key,
        index === at % 3 ? String(by) : value,
      ]);
      const query = new URLSearchParams(fields).toString();
      return name.endsWith(".query") ? get(query) : post(query, "application/x-www-form-urlencoded");
    }),
    fc.json().map((text) => post(text)),
    fc.uint8Array({ maxLength: 64 }).map((body): HookRequest => ({ ...post(""), body })),
    fc.tuple(fc.string(), fc.string()).map(([type, body]) => post(body, type)),
  );
  await fc.assert(
    fc.asyncProperty(request, async (each) => {
      await survives(hook, each);
      await survives(lax, each);
    }),
    { seed: 42, numRuns: 300 },
  );
});

test("nesting as deep as the size limit lets through", async () => {
  const hook = await hookOf(
    `[hooks.x]\npath = "$[*][*][*]"\nto = ["deep:/S/x"]\nwhen = [{ at = "$[0]", exists = true }]`,
  );
  for (const text of ["[".repeat(32_000) + "]".repeat(32_000), `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`]) {
    await survives(hook, post(text));
  }
});
