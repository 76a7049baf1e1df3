import { describe, expect, test } from "bun:test";
import { createDoorman } from "../../src/server/grant.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { stage, token } from "./fixture.ts";
import { hookOf } from "./hooks/fixture.ts";

const HOOK = `[hooks.backup]
  path = "$.path"
  to = ["deep:/Nightly"]
  base = "/srv/out"
  rewrite = [["/sent", "/srv/out"]]
  roots = ["/srv/out/nightly", "/srv/private"]
  settle = "10s"
  auth = { bearer = "the-hooks-own-secret-is-long-enough" }`;

async function post(on: Awaited<ReturnType<typeof stage>>, body: unknown, headers: Record<string, string> = {}) {
  const init = {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
  return on.fetch("/v1/jobs", init);
}

describe("a job through a hook", () => {
  test("takes the hook's rewrite, destinations, settle and name, and the request's labels", async () => {
    await using on = await stage({ hooks: [await hookOf(HOOK)] });
    const notBefore = "2026-12-01T02:00:00Z";
    const answer = await post(on, {
      path: "/sent/nightly/a/x.bin",
      hook: "backup",
      labels: { build: "42" },
      notBefore,
    });
    expect(answer.status).toBe(202);
    const [added] = on.jobs.added;
    expect(added?.request).toMatchObject({
      path: "/srv/out/nightly/a/x.bin",
      settleMs: 10_000,
      labels: { build: "42" },
      notBefore: Date.parse(notBefore),
      callback: null,
      after: { do: "keep" },
    });
    expect(added?.request.to.map(({ account, folder }) => `${account.name}:${folder}`)).toEqual([
      "deep:/Nightly/nightly/a",
    ]);
    expect(added?.submitter).toMatchObject({ name: "hook:backup", hook: "backup", mayDelete: false });
    expect(added?.key).toBeNull();
  });

  test("is the same as an earlier one with its key", async () => {
    await using on = await stage({ hooks: [await hookOf(HOOK)] });
    const again = () => post(on, { path: "/sent/nightly/x.bin", hook: "backup" }, { "idempotency-key": "k" });
    const ids = [await again(), await again()].map(async (answer) => [answer.status, (await answer.json()).id]);
    expect(await Promise.all(ids)).toEqual([
      [202, "job-1"],
      [200, "job-1"],
    ]);
  });

  test("is another one with its key and another body", async () => {
    await using on = await stage({ hooks: [await hookOf(HOOK)] });
    const keyed = { "idempotency-key": "k" };
    expect((await post(on, { path: "/sent/nightly/x.bin", hook: "backup" }, keyed)).status).toBe(202);
    const others = [{ path: "/sent/nightly/y.bin" }, { path: "/sent/nightly/x.bin", labels: { build: "42" } }];
    for (const other of others) {
      const answer = await post(on, { hook: "backup", ...other }, keyed);
      expect(answer.status).toBe(422);
      expect((await answer.json()).code).toBe("unprocessable");
    }
  });

  describe("whose sender's paths tell files apart", () => {
    const camera = (folder: string) =>
      hookOf(`[hooks.cam]
      preset = "mediamtx"
      to = ["deep:/Cam"]
      rewrite = [["/recordings", "${folder}"]]
      roots = ["${folder}"]`);
    const doorman = (folder: string) => createDoorman([token("all", ["submit"], [{ path: folder, write: false }])]);

    test("is the job of its event, by whichever name", async () => {
      using home = temporaryDirectory();
      home.file("2026-01-31_18-00-00-000000.mp4", "x");
      const settings = { doorman: doorman(home.path) };
      await using on = await stage({ hooks: [await camera(home.path)], settings });
      const event = await on.fetch("/hooks/cam", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ segment_path: "/recordings/2026-01-31_18-00-00-000000.mp4", path: "cam" }),
      });
      expect(event.status).toBe(202);
      for (const folder of ["/recordings", home.path]) {
        const answer = await post(on, { path: `${folder}/2026-01-31_18-00-00-000000.mp4`, hook: "cam" });
        expect([answer.status, (await answer.json()).id]).toEqual([200, "job-1"]);
      }
    });

    test("tells nobody of a job whose file that one may not name", async () => {
      using home = temporaryDirectory();
      const path = home.file("2026-01-31_18-00-00-000000.mp4", "x");
      const settings = { doorman: doorman(`${home.path}/elsewhere`) };
      await using on = await stage({ hooks: [await camera(home.path)], settings });
      const asked: unknown[] = [];
      const { add } = on.jobs;
      on.jobs.add = (request, submitter, key) => {
        asked.push(key);
        return add(request, submitter, key);
      };
      expect((await post(on, { path, hook: "cam" })).status).toBe(422);
      expect(asked).toEqual([null]);
    });
  });

  test.each(["/srv/private/x.bin", "/srv/out/x.bin", "/etc/passwd", "/sent/nightly/../x.bin"])(
    "reaches no further than token and hook both: %s",
    async (path) => {
      await using on = await stage({ hooks: [await hookOf(HOOK)] });
      const answer = await post(on, { path, hook: "backup" });
      expect(answer.status).toBe(422);
      expect(on.jobs.added).toEqual([]);
    },
  );

  test("reaches nothing where the roots of token and hook have nothing in common", async () => {
    const elsewhere = createDoorman([token("all", ["submit"], [{ path: "/srv/other", write: true }])]);
    await using on = await stage({ hooks: [await hookOf(HOOK)], settings: { doorman: elsewhere } });
    expect((await post(on, { path: "/sent/nightly/x.bin", hook: "backup" })).status).toBe(422);
  });

  test.each([
    [{ hook: "other" }, "hook is no hook of this server"],
    [{ hook: "backup", to: ["ulozto"] }, "goes with path"],
    [{ hook: "backup", name: "x" }, "goes with path"],
    [{ hook: "backup", callback: "https://ci.example/" }, "goes with path"],
    [{ hook: "backup", after: "delete" }, "goes with path"],
    [{ hook: "" }, "hook"],
  ])("is refused: %p", async (more, words) => {
    await using on = await stage({ hooks: [await hookOf(HOOK)] });
    const answer = await post(on, { path: "/sent/nightly/x.bin", ...more });
    expect(answer.status).toBe(400);
    const { code, detail, errors } = await answer.json();
    expect(code).toBe("usage");
    expect(detail).toContain(words);
    expect(errors[0].path).toBe("hook");
    expect(on.jobs.added).toEqual([]);
  });
});
