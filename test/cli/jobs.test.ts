import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { serverTokenPath, writeServerAddress } from "../../src/config/server-address.ts";
import type { JobView } from "../../src/core/serving/job-view.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary.ts";
import { DONE, events, FAILED, fakeServer, problem, RUNNING, runOn } from "./fake-server.ts";
import { type Ran, run } from "./fixture.ts";

let directory: TemporaryDirectory;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => directory[Symbol.dispose]());

function on(server: { readonly url: string }, argv: readonly string[], env?: Record<string, string>): Promise<Ran> {
  return runOn(server, directory.path, argv, env);
}

describe("jobs list", () => {
  test("asks with its filters and prints what the API gives, page by page", async () => {
    const jobs = Array.from({ length: 5 }, (_, index) => ({ ...DONE, id: `job-${index}`, extra: { z: 1, a: null } }));
    await using server = fakeServer(({ query }) => {
      const from = Number(query.after ?? 0);
      const page = jobs.slice(from, from + 2);
      return Response.json({ v: 1, jobs: page, next: from + 2 < jobs.length ? String(from + 2) : null });
    });
    const argv = ["jobs", "list", "--json", "--state", "done", "--account", "ulozto", "--label", "build=42", "-n", "5"];
    const { code, out } = await on(server, argv);
    expect(code).toBe(0);
    expect(out).toBe(jobs.map((job) => `${JSON.stringify(job)}\n`).join(""));
    expect(server.asked.map(({ query }) => query)).toEqual(
      [{ limit: "5" }, { limit: "3", after: "2" }, { limit: "1", after: "4" }].map((page) => ({
        state: "done",
        account: "ulozto",
        "label.build": "42",
        ...page,
      })),
    );
    expect((await on(server, ["jobs", "list", "-n", "2"])).out).toBe(
      "job-0  done  x.bin → ulozto:/ISO\njob-1  done  x.bin → ulozto:/ISO\n",
    );
  });

  test("says that there are none", async () => {
    await using server = fakeServer(() => Response.json({ v: 1, jobs: [], next: null }));
    expect(await on(server, ["jobs", "list"])).toEqual({ code: 0, out: "", err: "note: there are no such jobs\n" });
  });
});

describe("jobs show, cancel, retry", () => {
  test("ask for each id and print the API's JSON", async () => {
    await using server = fakeServer(() => Response.json(DONE));
    for (const [name, call] of [
      ["show", "GET /v1/jobs/a%2Fb"],
      ["cancel", "POST /v1/jobs/a%2Fb/cancel"],
      ["retry", "POST /v1/jobs/a%2Fb/retry"],
    ] as const) {
      const ran = await on(server, ["jobs", name, "a/b", "--json"]);
      expect(ran).toEqual({ code: 0, out: `${JSON.stringify(DONE)}\n`, err: "" });
      const last = server.asked.at(-1);
      expect(`${last?.method} ${last?.path}`).toBe(call);
    }
  });

  test("show what is known, without control characters", async () => {
    const failed: JobView = { ...FAILED, source: { path: "/srv/\u001b[2J.bin", size: 3 }, hook: "sonarr" };
    await using server = fakeServer(() => Response.json(failed));
    const { out } = await on(server, ["jobs", "show", "job-1"]);
    expect(out).toContain("  file: /srv/\\u{1b}[2J.bin (3 B)\n");
    expect(out).toContain('    host_quota: the account is full\n    the host says: "No space"\n');
    expect(out).toContain("  labels: build=42\n");
  });

  test("leave the others when one is not there", async () => {
    await using server = fakeServer(({ path }) =>
      path.includes("gone") ? problem(404, "not_found", "there is no such job") : Response.json(DONE),
    );
    const some = await on(server, ["jobs", "show", "gone", "job-1"]);
    expect(some.code).toBe(3);
    expect(some.out).toStartWith("job-1  done");
    expect(some.err).toBe("error: gone: there is no such job\n");
    expect((await on(server, ["jobs", "cancel", "gone"])).code).toBe(4);
  });
});

describe("jobs watch", () => {
  test("follows the jobs named to their end and takes their exit code", async () => {
    await using server = fakeServer(({ path }) =>
      path === "/v1/events"
        ? events(["job.state", { ...DONE, id: "other" }], ["account.state", { name: "ulozto" }], ["job.state", FAILED])
        : Response.json(RUNNING),
    );
    const ran = await on(server, ["jobs", "watch", "job-1"]);
    expect(ran.code).toBe(7);
    expect(ran.out).toBe("job-1  running  x.bin → ulozto:/ISO\njob-1  failed  x.bin → ulozto:/ISO\n");
  });

  test("shows every event as JSON until it is stopped", async () => {
    const stop = new AbortController();
    const progress = { job: "job-1", account: "ulozto", bytes: 1, size: 3, rate: 1 };
    await using server = fakeServer(() => events(["job.state", RUNNING], ["job.progress", progress]));
    const out: string[] = [];
    const ran = run(["jobs", "watch", "--json"], {
      env: { HOIST_SERVER: server.url, HOIST_STATE_DIR: directory.path },
      signal: stop.signal,
      out,
    });
    while (out.length < 2) await Bun.sleep(1);
    stop.abort({ signal: "SIGINT", exit: 130 });
    expect((await ran).code).toBe(130);
    expect(out.slice(0, 2)).toEqual([`${JSON.stringify(RUNNING)}\n`, `${JSON.stringify(progress)}\n`]);
  });
});

describe("the server", () => {
  test.each([
    [problem(401, "unauthorized", "no valid token"), 6, "set HOIST_TOKEN"],
    [problem(403, "forbidden", "not allowed"), 6, "not allowed"],
    [problem(403, "forbidden", "this needs the scope manage, which …"), 6, '"manage" in scopes of [[serve.tokens]]'],
    [problem(400, "usage", "to[0] is empty"), 2, "to[0] is empty"],
    [problem(422, "unprocessable", "the key was used"), 2, "the key was used"],
    [problem(429, "queue_full", "the queue is full"), 5, "the queue is full"],
    [problem(503, "draining", "stopping"), 5, "stopping"],
    [problem(507, "state", "cannot store"), 11, "cannot store"],
    [new Response("<html>", { status: 502 }), 5, "not as hoist serve does"],
    [new Response("<html>", { status: 200 }), 5, "not as hoist serve does"],
    [Response.json({ hello: "world" }), 5, "is no job"],
    [Response.json({ ...DONE, createdAt: "yesterday" }), 5, "is no job"],
    [Response.json({ ...DONE, finishedAt: "never" }), 5, "is no job"],
    [Response.json({ ...DONE, uploads: [{ ...DONE.uploads[0], waitingUntil: "soon" }] }), 5, "is no job"],
    [new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }), 5, "HTTP 302"],
  ])("keeps its failure %#", async (answer, code, words) => {
    await using server = fakeServer(() => answer);
    const ran = await on(server, ["jobs", "show", "job-1"]);
    expect(ran.code).toBe(code);
    expect(ran.err).toContain(words);
  });

  test("is asked through a socket, too", async () => {
    const socket = join(directory.path, "s.sock");
    await using server = fakeServer(() => Response.json(DONE), socket);
    for (const name of [`unix:${socket}`, `unix://${socket}`]) {
      expect(await run(["jobs", "show", "job-1", "--server", name])).toMatchObject({ code: 0 });
    }
    expect(server.asked[0]?.headers.get("authorization")).toBeNull();
  });

  test.each(["http://127.0.0.1:1", "unix:/nowhere/hoist.sock"])("that is not there: %s", async (url) => {
    const ran = await on({ url }, ["jobs", "list"]);
    expect(ran.code).toBe(5);
    expect(ran.err).toBe(`error: no server answers at ${url}\n  start it with: hoist serve\n`);
  });

  test("is that of the state directory, with its token, when none is named", async () => {
    using state = temporaryDirectory();
    const none = await run(["jobs", "list", "--state-dir", state.path]);
    expect(none.code).toBe(5);
    expect(none.err).toContain("start one with: hoist serve");
    await using server = fakeServer(() => Response.json(DONE));
    await using other = fakeServer(() => Response.json(DONE));
    await writeServerAddress(state.path, { url: server.url });
    await Bun.write(serverTokenPath(state.path), "made-by-the-server\n");
    const show = (...more: string[]) => ["jobs", "show", "job-1", "--state-dir", state.path, ...more];
    const authorizations = async (argv: readonly string[], env = {}) => {
      const ran = await run(argv, { env });
      expect(ran.code).toBe(0);
      return [server, other].map(({ asked }) => asked.splice(0).map(({ headers }) => headers.get("authorization")));
    };
    expect(await authorizations(show())).toEqual([["Bearer made-by-the-server"], []]);
    expect(await authorizations(show(), { HOIST_TOKEN: "mine" })).toEqual([["Bearer mine"], []]);
    // Another server is not given this one's token.
    expect(await authorizations(show("--server", other.url))).toEqual([[], [null]]);
    expect(await authorizations(show(), { HOIST_SERVER: other.url, HOIST_TOKEN: "t" })).toEqual([[], ["Bearer t"]]);
    expect(await authorizations(show("--server", server.url), { HOIST_SERVER: other.url })).toEqual([
      ["Bearer made-by-the-server"],
      [],
    ]);
  });

  test.each(["ftp://x", "127.0.0.1:7411", "unix:relative", "http://u:p@127.0.0.1", "http://127.0.0.1/?a=b"])(
    "cannot be called %p",
    async (name) => {
      const ran = await run(["jobs", "list", "--server", name]);
      expect(ran.code).toBe(2);
      expect(ran.err).toContain("--server is no address of a server");
    },
  );
});

describe("doctor --ready", () => {
  test.each([
    [Response.json({ status: "ok" }), 0, "is ready"],
    [Response.json({ status: "unavailable" }, { status: 503 }), 5, "is not ready"],
    [problem(421, "misdirected", "wrong host"), 5, "is not ready: wrong host"],
  ])("asks the server and nothing else %#", async (answer, code, words) => {
    await using server = fakeServer(() => answer);
    const ran = await on(server, ["doctor", "--ready"]);
    expect(ran.code).toBe(code);
    expect(ran.out).toContain(words);
    expect(ran.out.trim().split("\n").length).toBeLessThanOrEqual(2);
    expect(server.asked.map(({ path }) => path)).toEqual(["/readyz"]);
  });

  test("is 5 without a server", async () => {
    expect((await on({ url: "http://127.0.0.1:1" }, ["doctor", "--ready"])).code).toBe(5);
  });
});
