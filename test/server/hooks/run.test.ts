import { describe, expect, test } from "bun:test";
import { jobOfPath, runHook } from "../../../src/server/hooks/run.ts";
import { failure } from "../../config/fixture.ts";
import { arrival, get, hookOf, jobsOf, post, thrown, typed } from "./fixture.ts";

const FORM = "application/x-www-form-urlencoded";

describe("the generic hook", () => {
  const toml = `[hooks.backup]
    path = "$.artifact.files[*].path"
    name = "$.artifact.title"
    to = ["deep:/Nightly/{payload.artifact.title}/{payload.attempt}", "flat"]
    when = [{ at = "$.status", equals = "success" }, { at = "$.artifact.files[*].kind", in = ["binary"] }]`;

  test("several paths are several jobs, which keep their own names", async () => {
    const outcome = runHook(await hookOf(toml), arrival("generic-artifact.json"));
    if (outcome.kind !== "jobs") throw new Error("no jobs");
    const { jobs, notes } = outcome;
    expect(notes).toEqual(["path finds 2 files and name 1 name: every file keeps its own name"]);
    expect(jobs.map(({ path }) => path)).toEqual(["/out/nightly/app.tar.zst", "/out/nightly/app.tar.zst.sha256"]);
    expect(jobs.map(({ name }) => name)).toEqual([null, null]);
    expect(jobs.map(typed)).toEqual([
      ["deep:/Nightly/Nightly 42/2", "flat"],
      ["deep:/Nightly/Nightly 42/2", "flat"],
    ]);
    expect(jobs.every(({ key, recursive, settleMs }) => key === null && !recursive && settleMs === 0)).toBeTrue();
  });

  test("a single path takes the name, made safe", async () => {
    const hook = await hookOf(toml);
    const payload = (title: string) => ({
      status: "success",
      attempt: 1,
      artifact: { title, files: [{ path: "/out/a.iso", kind: "binary" }] },
    });
    const nameOf = (title: string) => jobsOf(hook, post(payload(title)))[0]?.name;
    expect(runHook(hook, post(payload("a.iso")))).toMatchObject({ notes: [] });
    expect(nameOf("Nightly 42.iso")).toBe("Nightly 42.iso");
    expect(nameOf("a/b\r\n\u0085c")).toBe("a_b___c");
    expect(nameOf("../../x")).toBe("____x");
    expect(thrown(() => nameOf("ž".repeat(128))).code).toBe("source");
    expect(nameOf("ž".repeat(127))).toHaveLength(127);
  });

  test("as many names as paths belong to each other; the same path twice is one job", async () => {
    const hook = await hookOf(`[hooks.x]\npath = "$[*].p"\nname = "$[*].n"\nto = ["flat"]`);
    const jobs = jobsOf(
      hook,
      post([
        { p: "/a", n: "A" },
        { p: "/b", n: " " },
        { p: "/c/../a", n: "A" },
      ]),
    );
    expect(jobs.map(({ path, name }) => [path, name])).toEqual([
      ["/a", "A"],
      ["/b", null],
    ]);
  });

  test("a line of when that does not hold is the answer, even where there is no path", async () => {
    const hook = await hookOf(toml);
    expect(runHook(hook, post({ status: "canary" }))).toEqual({
      kind: "skipped",
      reason: "when[0] does not hold ($.status)",
    });
    expect(runHook(hook, post({ status: "success", artifact: { files: [{ kind: "canary" }] } }))).toEqual({
      kind: "skipped",
      reason: "when[1] does not hold ($.artifact.files[*].kind)",
    });
  });

  test("forms and queries are fields, repeated ones lists", async () => {
    const hook = await hookOf(`[hooks.x]
      path = "$.file"
      to = ["deep:/{payload.tag}"]
      methods = ["POST", "GET"]
      when = [{ at = "$.ok", equals = true }, { at = "$.n", in = [1, 2] }]`);
    const [one, two] = jobsOf(hook, post("file=%2Fa+b&file=/c%2Bd&tag=x%2Fy&ok=true&n=2", FORM));
    expect([one?.path, two?.path]).toEqual(["/a b", "/c+d"]);
    expect(one && typed(one)).toEqual(["deep:/x_y"]);
    expect(jobsOf(hook, get("file=/a&tag=t&ok=true&n=1")).map(({ path }) => path)).toEqual(["/a"]);
    expect(jobsOf(hook, { ...get("file=/a&tag=t&ok=true&n=1"), method: "POST" })).toHaveLength(1);
    expect(runHook(hook, get("file=/a&ok=1")).kind).toBe("skipped");
    const strict = await hookOf(`[hooks.x]\npath = "$.file"\nto = ["flat"]\nwhen = [{ at = "$.ok", equals = true }]`);
    expect(runHook(strict, post({ file: "/a", ok: "true" })).kind).toBe("skipped");
    expect(runHook(strict, post({ file: "/a", ok: true })).kind).toBe("jobs");
  });

  test("numbers keep their digits", async () => {
    const hook = await hookOf(`[hooks.x]\npath = "$.file"\nto = ["deep:/{payload.id}/{payload.n}"]`);
    const folder = (text: string) => jobsOf(hook, post(text)).map((job) => typed(job));
    expect(folder('{"file":"/a","id":9007199254740993,"n":9007199254740991}')).toEqual([
      ["deep:/9007199254740993/9007199254740991"],
    ]);
    expect(folder('{"file":"/a","id":-123456789012345678901,"n":1.25}')).toEqual([
      ["deep:/-123456789012345678901/1.25"],
    ]);
    const deep = `${"[".repeat(20_000)}9007199254740993${"]".repeat(20_000)}`;
    expect(folder(`{"file":"/a","id":1,"n":2,"deep":${deep}}`)).toEqual([["deep:/1/2"]]);
  });

  test("a forge's ping is a test", async () => {
    expect(runHook(await hookOf(toml), post({ zen: "…" }, "application/json", { "X-GitHub-Event": "ping" }))).toEqual({
      kind: "test",
    });
  });
});

describe("what is no payload", () => {
  const hook = () => hookOf(`[hooks.x]\npath = "$.file"\nto = ["deep:/{payload.dir}"]`);

  test.each([
    ["not JSON", post('{"file":"canary"')],
    ["empty", post("")],
    ["not UTF-8", { ...post(""), body: new Uint8Array([0x22, 0xff, 0x22]) }],
    ["another content type", post('{"file":"/canary"}', "text/plain")],
    ["no content type", { ...post('{"file":"/canary"}'), contentType: null }],
  ])("%s: usage", async (_, request) => {
    const compiled = await hook();
    const error = thrown(() => runHook(compiled, request));
    expect(error.code).toBe("usage");
    expect(error.message).not.toContain("canary");
  });

  test.each([
    ["no path", { dir: "canary" }],
    ["an empty one", { dir: "canary", file: "" }],
    ["one that is no text", { dir: "canary", file: 7 }],
    ["none in the list", { dir: "canary", file: [] }],
    ["a relative one", { dir: "d", file: "canary" }],
    ["the root", { dir: "d", file: "/canary/.." }],
    ["one with NUL", { dir: "d", file: "/canary\0" }],
    ["one of two", { dir: "d", file: ["/a", "canary"] }],
    ["no value for the folder", { file: "/canary" }],
    ["a blank one", { file: "/canary", dir: " " }],
    ["one that is no single value", { file: "/canary", dir: ["canary"] }],
    ["one that is too long", { file: "/canary", dir: "d".repeat(256) }],
  ])("%s: source", async (_, payload) => {
    const compiled = await hook();
    const error = thrown(() => runHook(compiled, post(payload)));
    expect(error.code).toBe("source");
    expect(`${error.message} ${error.hint}`).not.toContain("canary");
  });
});

describe("which requests are the same", () => {
  test("a key of the sender's own comes before everything", async () => {
    const hook = await hookOf(`[hooks.s]\npreset = "sonarr"\nto = ["flat"]`);
    const keyed = (key: string) => jobsOf(hook, arrival("sonarr-import.json", { "Idempotency-Key": key }))[0]?.key;
    expect(keyed("a")).toBe(keyed("a") as string);
    expect(keyed("a")).not.toBe(keyed("b") as string);
    expect(keyed("a")).not.toBe(jobsOf(hook, arrival("sonarr-import.json"))[0]?.key as string);
    for (const bad of ["", "a b", "x".repeat(256)]) expect(thrown(() => keyed(bad)).code).toBe("usage");
  });

  test("two files of one event are two jobs", async () => {
    const hook = await hookOf(`[hooks.x]\npath = "$[*]"\nto = ["flat"]`);
    const outcome = runHook(hook, post(["/a", "/b"], "application/json", { "Idempotency-Key": "k" }));
    if (outcome.kind !== "jobs") throw new Error(outcome.kind);
    expect(outcome.eventId).toBe("k");
    expect(new Set(outcome.jobs.map(({ key }) => key)).size).toBe(2);
  });

  test("signed messages bring their id, unsigned ones bring none", async () => {
    const toml = `[hooks.x]\npath = "$.file"\nto = ["flat"]`;
    const signed = await hookOf(`${toml}\nauth = { standard = "whsec_${Buffer.alloc(24).toString("base64")}" }`);
    const forge = await hookOf(`${toml}\nauth = { github = "s" }`);
    const request = post({ file: "/a" }, "application/json", { "webhook-id": "m1", "x-github-delivery": "d1" });
    expect(runHook(signed, request)).toMatchObject({ eventId: "m1" });
    expect(runHook(forge, request)).toMatchObject({ eventId: "d1" });
    expect(runHook(await hookOf(toml), request)).toMatchObject({ eventId: null, jobs: [{ key: null }] });
  });
});

describe("destinations", () => {
  const run = async (toml: string, payload: unknown, defaults?: { to: string[]; roots: string[] }) => {
    const [job] = jobsOf(await hookOf(`[hooks.x]\npath = "$.file"\n${toml}`, defaults), post(payload));
    return job === undefined ? [] : typed(job);
  };

  test("a value is one part of a folder, whatever it holds", async () => {
    const to = `to = ["deep:/S/{payload.t}/x"]`;
    const folder = async (t: unknown) => (await run(to, { file: "/a", t }))[0];
    expect(await folder("AC/DC")).toBe("deep:/S/AC_DC/x");
    expect(await folder("..")).toBe("deep:/S/_/x");
    expect(await folder(".")).toBe("deep:/S/_/x");
    expect(await folder("../../etc")).toBe("deep:/S/____etc/x");
    expect(await folder("Wait... what?")).toBe("deep:/S/Wait... what?/x");
    expect(await folder("a\0\u001b[31m\u2028b")).toBe("deep:/S/a__[31m_b/x");
    expect(await folder("\ud800x")).toBe("deep:/S/_x/x");
    expect(await folder("Z\u030c")).toBe("deep:/S/\u017d/x");
    expect(await folder(7)).toBe("deep:/S/7/x");
    expect(await folder(false)).toBe("deep:/S/false/x");
    expect(await folder("{payload.file}")).toBe("deep:/S/{payload.file}/x");
  });

  test("a value can name no account of its own", async () => {
    const to = `to = ["deep:/S/{payload.t}"]`;
    expect(await run(to, { file: "/a", t: "x,flat" })).toEqual(["deep:/S/x,flat"]);
    expect(await run(to, { file: "/a", t: "x,deep:/other" })).toEqual(["deep:/S/x,deep:_other"]);
  });

  test("several in one line, equal ones once, braces doubled", async () => {
    expect(await run(`to = ["deep:/a,flat", "deep:/{payload.t}", "deep:/{{b}}"]`, { file: "/f", t: "a" })).toEqual([
      "deep:/a",
      "flat",
      "deep:/{b}",
    ]);
  });

  test("without its own the defaults hold, and braces mean nothing there", async () => {
    expect(await run("", { file: "/f" }, { to: ["deep:/{payload.file}"], roots: [] })).toEqual([
      "deep:/{payload.file}",
    ]);
  });

  test("folders below base are made safe too", async () => {
    const to = `to = ["deep:/S"]\nbase = "/srv"`;
    expect(await run(to, { file: "/srv/a\nb/c/../d/x" })).toEqual(["deep:/S/a_b/d"]);
    expect(await run(to, { file: "/srv/../etc/passwd" })).toEqual(["deep:/S"]);
  });

  test.each([
    ["hooks.x.to: there is no account", `to = ["nobody:/x"]`],
    ["hooks.x.to: FLAT has no folders", `to = ["flat:/x"]`],
    ["hooks.x.to: the folder", `to = ["deep:/../x"]`],
    ["hooks.x.to holds a place", `to = ["deep:/{payload.a[*]}"]`],
    ["hooks.x.to holds a place", `to = ["deep:/{title}"]`],
    ["hooks.x.to holds a place", `to = ["deep:/{payload.a"]`],
    ["hooks.x.to holds a place", `to = ["deep:/}"]`],
    ["hooks.x.to is missing", ""],
    ["hooks.x.name is no path", `to = ["flat"]\nname = "title"`],
    ["hooks.x.when[0].at is no path", `to = ["flat"]\nwhen = [{ at = "status", exists = true }]`],
    ["hooks.x.when[0].matches is no valid pattern", `to = ["flat"]\nwhen = [{ at = "$.a", matches = "(" }]`],
    ["hooks.x.when[0].matches is no valid pattern", `to = ["flat"]\nwhen = [{ at = "$.a", matches = '(a)\\1' }]`],
    ["hooks.x.when[0].matches is longer", `to = ["flat"]\nwhen = [{ at = "$.a", matches = "${"a".repeat(513)}" }]`],
  ])("%s", async (message, toml) => {
    const error = await failure(hookOf(`[hooks.x]\npath = "$.file"\n${toml}`));
    expect(error.code).toBe("config");
    expect(error.message).toStartWith(message);
  });
});

describe("conditions", () => {
  const holds = async (when: string, payload: unknown) => {
    const hook = await hookOf(`[hooks.x]\npath = "$.file"\nto = ["flat"]\nwhen = [${when}]`);
    return runHook(hook, post({ file: "/a", ...(payload as object) })).kind === "jobs";
  };

  test.each([
    [`{ at = "$.a", equals = 1 }`, { a: 1 }, true],
    [`{ at = "$.a", equals = 1 }`, { a: "1" }, false],
    [`{ at = "$.a", equals = "x" }`, { a: ["y", "x"] }, true],
    [`{ at = "$.a", in = ["x", 2] }`, { a: 2 }, true],
    [`{ at = "$.a", in = ["x", 2] }`, { a: 3 }, false],
    [`{ at = "$.a", in = [] }`, { a: 3 }, false],
    [`{ at = "$.a", exists = true }`, { a: null }, true],
    [`{ at = "$.a", exists = true }`, {}, false],
    [`{ at = "$.a", exists = false }`, {}, true],
    [`{ at = "$.a", exists = false }`, { a: 0 }, false],
    [`{ at = "$.a", matches = '^release/\\d+$' }`, { a: "release/12" }, true],
    [`{ at = "$.a", matches = '^release/\\d+$' }`, { a: "release/x" }, false],
    [`{ at = "$.a", matches = '(?i)ÉÝ' }`, { a: "xéýx" }, true],
    [`{ at = "$.a", matches = '^4' }`, { a: 42 }, true],
    [`{ at = "$.a", matches = 'x' }`, { a: { x: "x" } }, false],
    [`{ at = "$.a", matches = '.' }`, { a: "x".repeat(4097) }, false],
    [`{ at = "$.a", equals = 1 }, { at = "$.b", equals = 2 }`, { a: 1, b: 3 }, false],
  ])("%s of %j: %p", async (when, payload, expected) => expect(await holds(when, payload)).toBe(expected));

  test("a pattern that would hold up a backtracking engine for ages answers at once", async () => {
    // A hang is what would fail here: with JavaScript's own engine this takes longer than the universe is old.
    expect(await holds(`{ at = "$.a", matches = '^(a+)+$' }`, { a: `${"a".repeat(4000)}!` })).toBeFalse();
    expect(await holds(`{ at = "$.a", matches = '(x+x+)+y' }`, { a: "x".repeat(4000) })).toBeFalse();
  });
});

test("a token in the query is no field of the payload", async () => {
  const hook = await hookOf(`[hooks.x]
    path = "$.file"
    to = ["deep:/{payload.token}"]
    methods = ["GET"]
    auth = { query_token = "0123456789abcdefghijklmn" }`);
  expect(thrown(() => runHook(hook, get("file=/a&token=0123456789abcdefghijklmn"))).code).toBe("source");
});

describe("what a request as a whole goes by", () => {
  const toml = `[hooks.x]\npath = "$.file"\nto = ["flat"]\nmethods = ["POST", "GET"]`;
  const KEYED = { "Idempotency-Key": "k" };
  const nameOf = async (request: ReturnType<typeof post>, hook = toml) => {
    const outcome = runHook(await hookOf(hook), request);
    if (outcome.kind !== "jobs") throw new Error(outcome.kind);
    return outcome.requestName;
  };

  test("is the sender's key with what it says, however that is written", async () => {
    const first = await nameOf(post('{"file":"/a","more":{"x":1,"y":[2,3]}}', "application/json", KEYED));
    if (first === null) throw new Error("no name");
    expect(first.key).toContain('"k"');
    expect(await nameOf(post('{ "more": {"y":[2,3],"x":1}, "file":"/a" }', "application/json", KEYED))).toEqual(first);
    for (const other of [
      { file: "/b", more: { x: 1, y: [2, 3] } },
      { file: "/a", more: { x: 1, y: [3, 2] } },
    ]) {
      const name = await nameOf(post(other, "application/json", KEYED));
      expect(name).toMatchObject({ key: first.key });
      expect(name?.hash).not.toBe(first.hash);
    }
    const form = await nameOf(post("file=/a&n=1", FORM, KEYED));
    expect(await nameOf(get("n=1&file=/a", KEYED))).toEqual(form);
    expect(await nameOf(get("n=2&file=/a", KEYED))).not.toEqual(form);
  });

  test("is no matter of depth", async () => {
    const depth = 30_000;
    const deep = (leaf: string) => `{"file":"/a","x":${"[".repeat(depth)}${leaf}${"]".repeat(depth)}}`;
    const one = await nameOf(post(deep("1"), "application/json", KEYED));
    expect(await nameOf(post(deep("1"), "application/json", KEYED))).toEqual(one);
    expect(await nameOf(post(deep("2"), "application/json", KEYED))).not.toEqual(one);
  });

  test("is a signed message's id, and nothing that the payload says", async () => {
    const forge = `${toml}\nauth = { github = "s" }`;
    const delivered = (file: string) => post({ file }, "application/json", { "x-gitea-delivery": "d1" });
    const one = await nameOf(delivered("/a"), forge);
    expect(one?.key).toContain('"d1"');
    expect((await nameOf(delivered("/b"), forge))?.hash).not.toBe(one?.hash as string);
    expect(await nameOf(delivered("/a"))).toBeNull();
    expect(await nameOf(arrival("qbittorrent.form"), `[hooks.x]\npreset = "qbittorrent"\nto = ["flat"]`)).toBeNull();
  });
});

test("a path named by hand goes the hook's way, but has no payload to take values from", async () => {
  const toml = `[hooks.x]
    preset = "sonarr"
    to = ["deep:/S"]
    base = "/srv"
    rewrite = [["/downloads", "/srv"]]
    settle = "3s"`;
  const hook = await hookOf(toml);
  const job = jobOfPath(hook, "/downloads/a/x.mkv");
  expect(job).toMatchObject({ path: "/srv/a/x.mkv", name: null, settleMs: 3000, key: null });
  expect(typed(job)).toEqual(["deep:/S/a"]);
  const template = await hookOf(toml.replace("deep:/S", "deep:/{payload.series.title}"));
  expect(thrown(() => jobOfPath(template, "/downloads/x.mkv")).code).toBe("source");
  expect(thrown(() => jobOfPath(hook, "")).code).toBe("source");
});

test.each([
  ["sonarr", false],
  ["radarr", false],
  ["qbittorrent", false],
  ["transmission", false],
  ["mediamtx", true],
  ["bililive", false],
  ["generic", false],
])("a path named by hand for %s is known again: %p", async (preset, expected) => {
  const hook = await hookOf(
    `[hooks.x]\npreset = "${preset}"\npath = "$.file"\nto = ["flat"]\nrewrite = [["/in", "/srv"]]`,
  );
  const { key } = jobOfPath(hook, "/in/a_2026-01-31_18-00-00-000000.mp4");
  expect(key !== null).toBe(expected);
  expect(jobOfPath(hook, "/srv/a_2026-01-31_18-00-00-000000.mp4").key).toBe(key as string);
  expect(jobsOf(hook, post({ file: "/in/a_2026-01-31_18-00-00-000000.mp4" }))[0]?.key).toBe(key as string);
});
