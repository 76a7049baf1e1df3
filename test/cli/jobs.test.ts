import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { join } from "node:path";
import { localTime } from "../../src/cli/local-time.ts";
import { serverTokenPath, writeServerAddress } from "../../src/config/server-address.ts";
import type { JobView } from "../../src/core/job-view.ts";
import { AppError, errorView } from "../../src/errors.ts";
import { view } from "../outbox/fixture.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary.ts";
import { type Ran, run } from "./fixture.ts";

let directory: TemporaryDirectory;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => directory[Symbol.dispose]());

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Headers;
  readonly body: string;
}

type Answer = (asked: Asked, index: number) => Response | Promise<Response>;

const mayRead: Answer = () => Response.json({ v: 1, jobs: [], next: null });

/** A server that answers as told, on TCP or on a socket; whether its jobs may be read is a question of its own. */
function fakeServer(answer: Answer, socket?: string, onLook = mayRead) {
  const asked: Asked[] = [];
  const fetch = async (request: Request) => {
    const { pathname, searchParams } = new URL(request.url);
    const query = Object.fromEntries(searchParams);
    const one = { method: request.method, path: pathname, query, headers: request.headers, body: await request.text() };
    if (request.method === "GET" && `${pathname}?${searchParams}` === "/v1/jobs?limit=1") return onLook(one, 0);
    asked.push(one);
    return answer(one, asked.length - 1);
  };
  const server =
    socket === undefined ? Bun.serve({ hostname: "127.0.0.1", port: 0, fetch }) : Bun.serve({ unix: socket, fetch });
  const url = socket === undefined ? `http://127.0.0.1:${server.port}` : `unix:${socket}`;
  return { asked, url, [Symbol.asyncDispose]: () => server.stop(true) };
}

function on(server: { readonly url: string }, argv: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  return run(argv, { env: { HOIST_SERVER: server.url, HOIST_STATE_DIR: directory.path, ...env } });
}

const QUEUED = view({ state: "queued", startedAt: null, finishedAt: null }, { state: "queued", ok: null, url: null });
const RUNNING = view({ state: "running", finishedAt: null }, { state: "running", ok: null, url: null });
const DONE = view();
const FAILED = view(
  { state: "failed" },
  {
    state: "failed",
    ok: false,
    url: null,
    error: errorView(new AppError("host_quota", "the account is full", { hostMessage: "No space" })),
  },
);

/** The server's events as they would come, then the connection ends. */
function events(...messages: readonly (readonly [string, unknown])[]): Response {
  const text = messages.map(([event, data], id) => `id: ${id + 1}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  return new Response(`: hello\n\n${text.join("")}`, { headers: { "content-type": "text/event-stream" } });
}

function problem(status: number, code: string, detail: string): Response {
  const body = { type: "about:blank", title: "", status, detail, code, retryable: false, requestId: "r1" };
  return Response.json(body, { status, headers: { "content-type": "application/problem+json" } });
}

describe("jobs add", () => {
  test("queues absolute paths with what is asked for and prints ids", async () => {
    await using server = fakeServer((_, index) => Response.json({ ...QUEUED, id: `job-${index}` }, { status: 202 }));
    const argv = ["jobs", "add", "a.bin", "/srv/t/", "--to", "ulozto:/ISO", "--to", "uploadgig", "--label", "build=42"];
    const ran = await on(server, [...argv, "-r", "--name", "{n}-{name}", "--not-before", "2026-12-01T02:00:00Z"]);
    expect(ran).toEqual({ code: 0, out: "job-0\njob-1\n", err: "" });
    expect(server.asked.map(({ method, path, body }) => [method, path, JSON.parse(body)])).toEqual(
      [join(process.cwd(), "a.bin"), "/srv/t/"].map((path) => [
        "POST",
        "/v1/jobs",
        {
          path,
          to: ["ulozto:/ISO", "uploadgig"],
          name: "{n}-{name}",
          recursive: true,
          notBefore: "2026-12-01T02:00:00.000Z",
          labels: { build: "42" },
        },
      ]),
    );
    expect(server.asked[0]?.headers.get("content-type")).toBe("application/json");
  });

  test("numbers several files as hoist up does, whatever one request would be numbered", async () => {
    await using server = fakeServer(() => Response.json(QUEUED, { status: 202 }));
    await on(server, ["jobs", "add", "a.bin", "b.bin", "--name", "{{n}}{n:2}-{n}{ext}", "--to", "uploadgig"]);
    expect(server.asked.map(({ body }) => JSON.parse(body).name)).toEqual(["{{n}}01-1{ext}", "{{n}}02-2{ext}"]);
  });

  test("says what is queued already when another failure ends the wait", async () => {
    await using server = fakeServer((_, index) =>
      index === 0 ? Response.json(QUEUED, { status: 202 }) : problem(429, "queue_full", "the queue is full"),
    );
    const ran = await on(server, ["jobs", "add", "/a", "/b", "--wait"]);
    expect(ran).toMatchObject({ code: 5, out: "" });
    expect(ran.err).toContain("left to the server: job-1");
  });

  test("prints every job of a directory, and with --json each as the server wrote it", async () => {
    const group = { v: 1, group: "g", count: 2, jobs: [QUEUED, { ...QUEUED, id: "job-2", later: { key: [1] } }] };
    await using server = fakeServer(() => Response.json(group, { status: 202 }));
    expect((await on(server, ["jobs", "add", "t", "-r"])).out).toBe("job-1\njob-2\n");
    const { out } = await on(server, ["jobs", "add", "t", "-r", "--json"]);
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(group.jobs);
  });

  test("gives each of several files an idempotency key of its own, whatever their order", async () => {
    await using server = fakeServer(() => Response.json(QUEUED));
    const keys = async (...paths: string[]) => {
      const from = server.asked.length;
      await on(server, ["jobs", "add", ...paths, "--idempotency-key", "k"]);
      return server.asked.slice(from).map(({ headers }) => headers.get("idempotency-key") ?? "");
    };
    expect(await keys("/a")).toEqual(["k"]);
    const [a, b] = await keys("/a", "/b");
    expect(a).toMatch(/^k-[0-9a-f]{16}$/);
    expect(b).not.toBe(a);
    expect(await keys("/b", "/a")).toEqual([b, a] as string[]);
  });

  test("names a hook instead of destinations", async () => {
    await using server = fakeServer(() => Response.json(QUEUED));
    await on(server, ["jobs", "add", "/downloads/a.mkv", "--hook", "sonarr"]);
    expect(JSON.parse(server.asked[0]?.body ?? "")).toEqual({ path: "/downloads/a.mkv", hook: "sonarr", labels: {} });
  });

  test("sends the bytes of files and of standard input", async () => {
    await using server = fakeServer(() => Response.json(QUEUED, { status: 202 }));
    const path = directory.file("ä b.bin", "bytes");
    const ran = await on(server, [
      "jobs",
      "add",
      path,
      "--send",
      "--to",
      "ulozto:/ISO",
      "--to",
      "uploadgig",
      "--label",
      "a=b c",
    ]);
    expect(ran).toMatchObject({ code: 0, out: "job-1\n" });
    expect(server.asked[0]).toMatchObject({ method: "PUT", path: "/v1/files/%C3%A4%20b.bin", body: "bytes" });
    expect(server.asked[0]?.query).toEqual({ to: "uploadgig", "label.a": "b c" });
    expect(server.asked[0]?.headers.get("content-length")).toBe("5");
    await on(server, ["jobs", "add", "-", "--send", "--name", "x.tar"]);
    expect(server.asked[1]).toMatchObject({ method: "PUT", path: "/v1/files/x.tar", body: "" });
  });

  test("leaves the other files when one cannot be queued, as hoist up does", async () => {
    await using server = fakeServer(({ body }) =>
      JSON.parse(body).path === "/gone" ? problem(422, "source", "the path is not there") : Response.json(QUEUED),
    );
    const some = await on(server, ["jobs", "add", "/gone", "/there"]);
    expect(some).toMatchObject({ code: 3, out: "job-1\n" });
    expect(some.err).toContain("/gone: the path is not there");
    expect(await on(server, ["jobs", "add", "/gone"])).toMatchObject({ code: 4, out: "" });
  });

  test.each([
    [["a", "--send", "--hook", "x"], "--send and --hook exclude each other"],
    [["a", "--send", "-r"], "--send and --recursive exclude each other"],
    [["a", "--hook", "x", "--to", "u"], "--hook and --to exclude each other"],
    [["-", "--name", "x"], "- is sent to the server: it needs --send"],
    [["-", "--send"], "- needs a --name"],
    [["a", "b", "--name", "x"], "several files cannot have one name"],
    [["a", "--format", "url"], "there are no results to format without --wait"],
    [["a", "--wait=soon"], '--wait does not understand "soon"'],
    [["a", "--not-before", "soon"], '--not-before does not understand "soon"'],
    [["", "--to", "uploadgig"], "a path is empty"],
  ])("refuses %p before any call", async (argv, message) => {
    await using server = fakeServer(() => Response.json(QUEUED));
    const ran = await on(server, ["jobs", "add", ...argv]);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain(message);
    expect(server.asked).toEqual([]);
  });
});

describe("jobs add says what was typed where the server names a place", () => {
  const invalid = (path: string, message: string) =>
    Response.json({ status: 400, code: "usage", detail: "not valid", errors: [{ path, message }] }, { status: 400 });

  test.each([
    [
      invalid("to[1]", "names no account"),
      ["--to", "one", "--to", "two:/x"],
      "--to two:/x names no account",
      "account list",
    ],
    [invalid("to", "is missing"), [], "--to is missing", "name a destination"],
    [invalid("name", "has no sense"), ["--name", "{x}"], "--name {x} has no sense", ""],
    [invalid("hook", "is no hook"), ["--hook", "tv"], "--hook tv is no hook", "hooks list"],
    [invalid("labels", "has too many"), [], "not valid", ""],
  ])("%#", async (answer, options, words, hint) => {
    await using server = fakeServer(() => answer);
    const ran = await on(server, ["jobs", "add", "/srv/a.bin", ...options]);
    expect([ran.code, ran.out]).toEqual([2, ""]);
    expect(ran.err).toStartWith(`error: ${words}\n`);
    expect(ran.err).toContain(hint);
  });

  test.each([
    [".", [], "with -r"],
    [".", ["-r"], "below its roots"],
    ["nothing-is-here", [], "--send"],
  ])("a path that is refused: %s %p", async (path, options, hint) => {
    const detail = "the path is not there, not readable, or not below a directory that may be uploaded";
    await using server = fakeServer(() => problem(422, "source", detail));
    const ran = await on(server, ["jobs", "add", path, ...options, "--to", "uploadgig"]);
    expect(ran).toMatchObject({ code: 4, out: "" });
    expect(ran.err).toStartWith(`error: ${path}: ${detail}\n`);
    expect(ran.err).toContain(hint);
    const two = await on(server, ["jobs", "add", path, path, ...options, "--to", "uploadgig"]);
    expect(two.err.split(`error: ${path}: ${detail}\n`)).toHaveLength(3);
  });
});

test("jobs add --send tells why a server refused a body whose connection it has ended", async () => {
  const answers = [
    // Ends the connection on the body, with the answer not yet read.
    () => "",
    () => {
      const body = JSON.stringify({ status: 401, detail: "a token is needed", code: "unauthorized", retryable: false });
      const head = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/problem+json\r\nConnection: close";
      return `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    },
  ];
  const heads: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (data) => {
      heads.push(data.toString("latin1").split("\r\n", 1)[0] ?? "");
      const answer = answers[heads.length - 1]?.() ?? "";
      if (answer === "") socket.resetAndDestroy();
      else socket.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  const file = directory.file("large.bin", "x".repeat(3_000_000));
  const ran = await on({ url }, ["jobs", "add", file, "--send", "--to", "uploadgig"]);
  server.close();
  expect([ran.code, heads]).toEqual([
    6,
    [expect.stringContaining("PUT /v1/files/large.bin"), "PUT /v1/files/ HTTP/1.1"],
  ]);
  expect(ran.err).toContain("a token is needed");
});

describe("jobs add --wait", () => {
  const waiting = (...stream: readonly (readonly [string, unknown])[]): Answer => {
    return ({ method, path }) => {
      if (method === "POST") return Response.json(QUEUED, { status: 202 });
      return path === "/v1/events" ? events(...stream) : Response.json(RUNNING);
    };
  };

  test("prints the result as hoist up does", async () => {
    await using server = fakeServer(
      waiting(
        ["job.state", RUNNING],
        ["job.progress", { job: "job-1", account: "ulozto", bytes: 1, size: 3, rate: 1 }],
        ["job.state", DONE],
      ),
    );
    const ran = await on(server, ["jobs", "add", "/srv/x.bin", "--wait"]);
    expect(ran).toEqual({ code: 0, out: "https://host.example/f/1\n", err: "" });
    const json = await on(server, ["jobs", "add", "/srv/x.bin", "--wait", "10m", "--json"]);
    const [result, summary] = json.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(result).toEqual({
      v: 1,
      type: "result",
      ok: true,
      id: "upload-1",
      file: "/srv/x.bin",
      name: "x.bin",
      account: "ulozto",
      host: "ulozto",
      folder: "/ISO",
      attempts: 1,
      seconds: 1,
      labels: { build: "42" },
      size: 3,
      md5: null,
      url: "https://host.example/f/1",
      remoteId: "1",
      verified: "size",
      skipped: false,
    });
    expect(summary).toMatchObject({ type: "summary", ok: 1, failed: 0, bytes: 3, exit: 0 });
  });

  test("queues nothing with a token that may not read, and says how it would be queued", async () => {
    const detail = "this needs the scope read, which the token does not have";
    const refusal: Answer = () => problem(403, "forbidden", detail);
    await using server = fakeServer(() => Response.json(QUEUED, { status: 202 }), undefined, refusal);
    const ran = await on(server, ["jobs", "add", "/srv/x.bin", "--wait"]);
    expect(ran).toMatchObject({ code: 6, out: "" });
    expect(ran.err).toContain(detail);
    expect(ran.err).toContain("without --wait it is queued all the same");
    expect(server.asked).toEqual([]);
    expect(await on(server, ["jobs", "add", "/srv/x.bin"])).toEqual({ code: 0, out: "job-1\n", err: "" });
  });

  test("takes the exit code of the failure, and tells it in the host's words", async () => {
    await using server = fakeServer(waiting(["job.state", FAILED]));
    const ran = await on(server, ["jobs", "add", "/srv/x.bin", "--wait"]);
    expect(ran).toMatchObject({ code: 7, out: "" });
    expect(ran.err).toContain("x.bin → ulozto:/ISO: the account is full");
    expect(ran.err).toContain('the host says: "No space"');
  });

  test("says with the job's id how to try again what has failed", async () => {
    const error = errorView(new AppError("network", "the connection broke"));
    const failed = view({ state: "failed" }, { state: "failed", ok: false, url: null, error });
    await using server = fakeServer(waiting(["job.state", failed]));
    const ran = await on(server, ["jobs", "add", "/srv/x.bin", "--wait"]);
    expect(ran.err).toContain("try it again with: hoist jobs retry job-1\n");
  });

  test("tells a captcha", async () => {
    const error = errorView(new AppError("captcha", "a captcha", { url: "https://host.example/c" }));
    const captcha = view(
      { state: "waiting", finishedAt: null },
      { state: "waiting", waitingFor: "captcha", ok: null, error },
    );
    await using server = fakeServer(waiting(["job.state", captcha], ["job.state", captcha], ["job.state", DONE]));
    const ran = await on(server, ["jobs", "add", "/srv/x.bin", "--wait", "--json"]);
    expect(
      ran.out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).type),
    ).toEqual(["captcha", "result", "summary"]);
    expect(ran.code).toBe(0);
  });

  test("says once for each change what a job waits for, on stderr, and until when", async () => {
    const held = (waitingFor: "account" | "cool-down" | "retry" | "notBefore") => {
      const change = { state: "waiting", waitingFor } as const;
      return view({ ...change, finishedAt: null, notBefore: "2026-12-01T02:00:00.000Z" }, { ...change, ok: null });
    };
    const paused = held("account");
    const stream = waiting(
      ...[paused, paused, held("cool-down"), RUNNING, held("retry"), held("notBefore"), DONE].map(
        (job) => ["job.state", job] as const,
      ),
    );
    let asked = 0;
    await using server = fakeServer((one, index) => {
      if (one.path !== "/v1/accounts") return stream(one, index);
      const standings = [
        { state: "stopped", reason: "wrong password", coolDownUntil: null },
        { state: "cooling-down", reason: null, coolDownUntil: "2026-12-01T01:00:00.000Z" },
      ];
      return Response.json({ v: 1, accounts: [{ name: "ulozto", host: "ulozto", ...standings[asked++ % 2] }] });
    });
    const wait = ["jobs", "add", "/srv/x.bin", "--wait"];
    const ran = await on(server, wait);
    expect(ran).toMatchObject({ code: 0, out: "https://host.example/f/1\n" });
    const at = (moment: string) => localTime(Date.parse(moment));
    const x = "note: x.bin → ulozto:/ISO (job job-1) waits";
    expect(ran.err.trim().split("\n")).toEqual([
      `${x} for its account: the login of ulozto was refused: wrong password; Ctrl-C leaves it queued`,
      `${x} for the end of the pause that the host asked for, until ${at("2026-12-01T01:00:00.000Z")}`,
      `${x} to be tried again`,
      `${x} for its time, until ${at("2026-12-01T02:00:00.000Z")}`,
    ]);
    expect(await on(server, [...wait, "-q"])).toMatchObject({ code: 0, out: ran.out, err: "" });
    const { out } = await on(server, [...wait, "--json"]);
    expect(out.match(/"type":"\w+"/g)).toEqual(['"type":"result"', '"type":"summary"']);
  });

  test("looks again at a job that stays queued: a pause of its account makes no event of it", async () => {
    const begun = Promise.withResolvers<ReadableStreamDefaultController<string>>();
    const stream = new ReadableStream<string>({ start: begun.resolve });
    const change = { state: "waiting", waitingFor: "account" } as const;
    const held = view({ ...change, finishedAt: null }, { ...change, ok: null });
    let looks = 0;
    await using server = fakeServer(async ({ method, path }) => {
      if (method === "POST") return Response.json(QUEUED, { status: 202 });
      const events = await begun.promise;
      if (path === "/v1/events") {
        events.enqueue(": hello\n\n");
        return new Response(stream.pipeThrough(new TextEncoderStream()));
      }
      if (path !== "/v1/accounts") return Response.json(looks++ === 0 ? QUEUED : held);
      setTimeout(() => events.enqueue(`event: job.state\ndata: ${JSON.stringify(DONE)}\n\n`), 100);
      const paused = { state: "paused", reason: null, coolDownUntil: null };
      return Response.json({ v: 1, accounts: [{ name: "ulozto", host: "ulozto", ...paused }] });
    });
    const ran = await on(server, ["jobs", "add", "/srv/x.bin", "--wait", "10"]);
    expect(ran).toEqual({
      code: 0,
      out: "https://host.example/f/1\n",
      err: "note: x.bin → ulozto:/ISO (job job-1) waits for its account: ulozto is paused; Ctrl-C leaves it queued\n",
    });
  });

  test("takes a job that has ended already as it is", async () => {
    await using server = fakeServer(() => Response.json(DONE));
    expect(await on(server, ["jobs", "add", "/srv/x.bin", "--wait"])).toMatchObject({
      code: 0,
      out: "https://host.example/f/1\n",
    });
    expect(server.asked).toHaveLength(1);
  });

  test("goes on after the last event when the connection breaks, and asks for what it missed", async () => {
    let streams = 0;
    await using server = fakeServer(({ method, path }) => {
      if (method === "POST") return Response.json(QUEUED, { status: 202 });
      if (path === "/v1/events") return streams++ === 0 ? events(["job.state", RUNNING]) : events();
      return Response.json(streams < 2 ? RUNNING : DONE);
    });
    const ran = await on(server, ["jobs", "add", "/srv/x.bin", "--wait"]);
    expect(ran).toMatchObject({ code: 0, out: "https://host.example/f/1\n" });
    expect(ran.err).toContain("is gone; waiting for it to come back");
    const asked = server.asked.filter(({ path }) => path === "/v1/events");
    expect(asked.map(({ headers }) => headers.get("last-event-id"))).toEqual([null, "1"]);
    expect(asked[0]?.query).toEqual({ job: "job-1" });
  });

  test("ends with 5 when the time is over, and says how to wait on", async () => {
    const never = new ReadableStream({ start() {} });
    await using server = fakeServer(({ method, path }) => {
      if (method === "POST") return Response.json(QUEUED, { status: 202 });
      return path === "/v1/events" ? new Response(never) : Response.json(RUNNING);
    });
    const ran = await on(server, ["jobs", "add", "/srv/x.bin", "--wait", "50ms"]);
    expect(ran.code).toBe(5);
    expect(ran.err).toContain("the job has not ended within 50ms; the server goes on with it");
    expect(ran.err).toContain("hoist jobs watch job-1");
  });

  test("takes bare seconds for its duration, as other options do", async () => {
    const never = new ReadableStream({ start() {} });
    await using server = fakeServer(({ method, path }) => {
      if (method === "POST") return Response.json(QUEUED, { status: 202 });
      return path === "/v1/events" ? new Response(never) : Response.json(RUNNING);
    });
    const ran = await on(server, ["jobs", "add", "/srv/x.bin", "--wait", "0.05"]);
    expect(ran.err).toContain("has not ended within 0.05s");
    expect(server.asked.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body).path)).toEqual([
      "/srv/x.bin",
    ]);
    expect(ran.code).toBe(5);
  });

  test("reads --wait alone before a path", async () => {
    await using server = fakeServer(() => Response.json(DONE));
    expect(await on(server, ["jobs", "add", "--wait", "/srv/x.bin"])).toMatchObject({ code: 0 });
    expect(JSON.parse(server.asked[0]?.body ?? "").path).toBe("/srv/x.bin");
  });
});

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
