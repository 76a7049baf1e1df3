import { describe, expect, test } from "bun:test";
import { sampleRequest } from "../../../src/server/hooks/describe.ts";
import { describeTrace, traceHook } from "../../../src/server/hooks/trace.ts";
import { arrival, hookOf, post } from "./fixture.ts";

const judge = async (path: string, roots: readonly string[]) => {
  const ok = roots.some((root) => path.startsWith(`${root}/`));
  return { ok, why: ok ? "a regular file" : "outside the roots" };
};

async function lines(toml: string, request = arrival("generic-artifact.json")): Promise<string[]> {
  return describeTrace(await traceHook(await hookOf(toml), request, judge));
}

const generic = `[hooks.backup]
  path = "$.artifact.files[*].path"
  to = ["deep:/Nightly"]
  rewrite = [["/out", "/srv"]]
  roots = ["/srv/nightly"]
  settle = "5s"`;

describe("a trace", () => {
  test("shows every step of every file", async () => {
    expect(await lines(`${generic}\nname = "$.artifact.title"\nwhen = [{ at = "$.status", matches = "^s" }]`)).toEqual([
      "hook backup (preset generic)",
      'when $.status matches "^s": holds ("success")',
      "extracted path: /out/nightly/app.tar.zst",
      "extracted path: /out/nightly/app.tar.zst.sha256",
      "after rewrite: /srv/nightly/app.tar.zst",
      "root: inside, a regular file",
      "job: to deep:/Nightly",
      "     name of the file, settle 5 s, no event id: each call makes a job",
      "after rewrite: /srv/nightly/app.tar.zst.sha256",
      "root: inside, a regular file",
      "job: to deep:/Nightly",
      "     name of the file, settle 5 s, no event id: each call makes a job",
      "note: path finds 2 files and name 1 name: every file keeps its own name",
    ]);
  });

  test("shows every line of when, not only the first that does not hold", async () => {
    const when = `when = [{ at = "$.status", equals = "failed" }, { at = "$.nothing", exists = true }, { at = "$.attempt", in = [2] }]`;
    expect(await lines(`${generic}\n${when}`)).toEqual([
      "hook backup (preset generic)",
      'when $.status equals "failed": does not hold ("success")',
      "when $.nothing exists true: does not hold (nothing there)",
      "when $.attempt in [2]: holds (2)",
      "extracted path: /out/nightly/app.tar.zst",
      "extracted path: /out/nightly/app.tar.zst.sha256",
      "skipped: when[0] does not hold ($.status)",
    ]);
  });

  test("shows a path that leads nowhere, and what the sender would be told", async () => {
    const trace = await lines(`[hooks.r]\npreset = "radarr"\nto = ["deep:/"]`, arrival("radarr-upgrade.json"));
    expect(trace[1]).toStartWith("extracted path: D:\\Filmy\\");
    expect(trace.at(-1)).toStartWith("refused (source): ");
  });

  test("shows a path that the payload names twice once", async () => {
    const trace = await lines(`[hooks.x]\npath = "$.p[*]"\nto = ["deep:/"]`, post({ p: ["/a", "/b", "/a"] }));
    expect(trace.filter((line) => line.startsWith("extracted"))).toEqual(["extracted path: /a", "extracted path: /b"]);
  });

  test("shows the verdict on a path outside", async () => {
    expect(await lines(generic.replace("/srv/nightly", "/srv/other"))).toContain("root: refused, outside the roots");
  });

  test("shows a test event and a body that is none", async () => {
    const sonarr = `[hooks.s]\npreset = "sonarr"\nto = ["deep:/"]`;
    expect((await lines(sonarr, arrival("sonarr-test.json"))).at(-1)).toBe("a test event: 200, nothing is queued");
    expect(await lines(sonarr, post("{"))).toEqual([
      "hook s (preset sonarr)",
      "refused (usage): the body is not valid JSON",
    ]);
  });

  test("lets nothing of a payload move the cursor", async () => {
    const toml = `[hooks.x]\npath = "$.p"\nname = "$.n"\nto = ["deep:/{payload.n}"]\nwhen = [{ at = "$.n", exists = true }]`;
    const nasty = "\u001b]0;x\u0007\r\n\u202e";
    const text = (await lines(toml, post({ p: `/a${nasty}b`, n: `n${nasty}` }))).join("");
    expect(text).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});

test.each(["sonarr", "radarr", "qbittorrent", "transmission", "mediamtx", "bililive"])(
  "the sample of %s becomes a job inside the hook's folder",
  async (preset) => {
    const hook = await hookOf(`[hooks.x]
      preset = "${preset}"
      to = ["deep:/"]
      rewrite = [["/downloads", "/srv/media"]]
      base = "/srv/media"
      roots = ["/srv/media"]`);
    const request = sampleRequest(hook);
    if (request === null) throw new Error("no sample");
    const { outcome, roots } = await traceHook(hook, request, judge);
    expect(outcome.kind).toBe("jobs");
    expect(roots).toEqual([{ ok: true, why: "a regular file" }]);
  },
);

const WHSEC = `whsec_${Buffer.alloc(24).toString("base64")}`;
const ONCE_PER_MESSAGE = {
  standard: "queued once for each webhook-id",
  github: "queued once for each delivery id (X-GitHub-Delivery)",
};
const EVERY_TIME = "no event id: each call makes a job";

describe("how often a file is queued is said of", () => {
  const counts = async (preset: string, auth: string, request = arrival("generic-artifact.json"), path = "") => {
    const toml = `[hooks.x]\npreset = "${preset}"\n${path}\nto = ["deep:/"]\nroots = ["/srv"]\n${auth}`;
    const { counts: found } = await traceHook(await hookOf(toml), request, judge);
    return new Set(found);
  };

  test.each([
    ["", EVERY_TIME],
    ['auth = { bearer = "0123456789abcdefghijklmn" }', EVERY_TIME],
    ['auth = { basic = { user = "u", password = "p" } }', EVERY_TIME],
    ['auth = { query_token = "0123456789abcdefghijklmn" }', EVERY_TIME],
    [`auth = { standard = "${WHSEC}" }`, ONCE_PER_MESSAGE.standard],
    ['auth = { github = "s" }', ONCE_PER_MESSAGE.github],
  ])("a generic hook with %s", async (auth, words) => {
    const path = 'path = "$.artifact.files[*].path"';
    expect(await counts("generic", auth, undefined, path)).toEqual(new Set([words]));
  });

  test.each([
    ["sonarr", "sonarr-import-complete.json", "queued once for the same file id and path"],
    ["radarr", "radarr-upgrade.json", "queued once for the same file id and path"],
    ["qbittorrent", "qbittorrent.form", "queued once for the same torrent hash and path"],
    ["transmission", "transmission.form", "queued once for the same torrent hash and path"],
    ["mediamtx", "mediamtx.form", "queued once for the same path (and duration, where the name holds no time)"],
    ["bililive", "bililive-file-closed.json", "queued once for the same path, times and size"],
    ["bililive", "bililive-v1.json", "queued once for the same path, times and size"],
    ["bililive", "bililive-go.form", EVERY_TIME],
  ])("%s: %s", async (preset, file, words) => {
    const windows = 'rewrite = [["D:/", "/srv"]]';
    expect(await counts(preset, "", arrival(file), windows)).toEqual(new Set([words]));
    const signed = words === EVERY_TIME ? ONCE_PER_MESSAGE.standard : words;
    expect(await counts(preset, `auth = { standard = "${WHSEC}" }`, arrival(file), windows)).toEqual(new Set([signed]));
  });

  test("a preset whose path is looked for elsewhere, and a payload without the sender's ids", async () => {
    const elsewhere = 'path = "$.EventData.RelativePath"\nbase = "/srv"';
    const closed = arrival("bililive-file-closed.json");
    expect(await counts("bililive", "", closed, elsewhere)).toEqual(
      new Set(["queued once for the same event id and path"]),
    );
    expect(await counts("qbittorrent", "", post({ path: "/srv/a.iso" }))).toEqual(new Set([EVERY_TIME]));
  });
});

test("there is no sample of what only the section knows", async () => {
  expect(sampleRequest(await hookOf(generic))).toBeNull();
});
