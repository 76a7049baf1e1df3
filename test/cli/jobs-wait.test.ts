import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { localTime } from "../../src/cli/output/local-time.ts";
import type { JobView } from "../../src/core/serving/job-view.ts";
import { AppError, errorView } from "../../src/errors.ts";
import { view } from "../outbox/fixture.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary.ts";
import { type Answer, DONE, events, FAILED, fakeServer, problem, QUEUED, RUNNING, runOn } from "./fake-server.ts";
import type { Ran } from "./fixture.ts";

let directory: TemporaryDirectory;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => directory[Symbol.dispose]());

function on(server: { readonly url: string }, argv: readonly string[], env?: Record<string, string>): Promise<Ran> {
  return runOn(server, directory.path, argv, env);
}

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

  test("its summary counts from the start of the command, with what handing over took", async () => {
    await using server = fakeServer(async ({ method }) => {
      if (method === "POST") await Bun.sleep(120);
      return Response.json(DONE);
    });
    const { out } = await on(server, ["jobs", "add", "/srv/x.bin", "--wait", "--json"]);
    expect(JSON.parse(out.trim().split("\n").at(-1) ?? "").seconds).toBeGreaterThanOrEqual(0.1);
  });

  test("says once for each change what a job waits for, on stderr, and until when", async () => {
    const held = (waitingFor: "account" | "cool-down" | "retry" | "notBefore") => {
      const waitingUntil = waitingFor === "retry" ? "2026-12-01T03:00:00.000Z" : null;
      const change = { state: "waiting", waitingFor, waitingUntil } as const;
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
      `${x} to be tried again at ${at("2026-12-01T03:00:00.000Z")}`,
      `${x} for its time, until ${at("2026-12-01T02:00:00.000Z")}`,
    ]);
    expect(await on(server, [...wait, "-q"])).toMatchObject({ code: 0, out: ran.out, err: "" });
    const { out } = await on(server, [...wait, "--json"]);
    expect(out.match(/"type":"\w+"/g)).toEqual(['"type":"result"', '"type":"summary"']);
  });

  test.each(["/v1/jobs/job-1", "/v1/accounts"])("waits no longer than it may for an answer of %s", async (silent) => {
    const change = { state: "waiting", waitingFor: "account" } as const;
    const held = view({ ...change, finishedAt: null }, { ...change, ok: null });
    const silence = Promise.withResolvers<Response>();
    await using server = fakeServer(({ method, path }) => {
      if (path === silent) return silence.promise;
      if (method === "POST") return Response.json(QUEUED, { status: 202 });
      return path === "/v1/events" ? events() : Response.json(held);
    });
    const startedAt = performance.now();
    const ran = await on(server, ["jobs", "add", "/srv/x.bin", "--wait", "300ms"]);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    silence.resolve(Response.json({}));
    expect(ran.err).toStartWith("error: the job has not ended within 300ms");
  });

  test("follows thousands of jobs without looking at all of them for each event", async () => {
    const ids = Array.from({ length: 6000 }, (_, index) => `job-${index}`);
    const ofEach = (job: JobView) =>
      ids.map((id) => ({ ...job, id, uploads: job.uploads.map((one) => ({ ...one, id })) }));
    const change = { state: "waiting", waitingFor: "retry" } as const;
    const held = view({ ...change, finishedAt: null }, { ...change, ok: null, url: null });
    const [queued, later] = [ofEach(QUEUED), [...ofEach(held), ...ofEach(DONE)]];
    await using server = fakeServer(({ method, path }) => {
      if (method === "POST") return Response.json({ jobs: queued }, { status: 202 });
      if (path === "/v1/events") return events(...later.map((job) => ["job.state", job] as const));
      return Response.json(queued[Number(path.slice("/v1/jobs/job-".length))]);
    });
    // What looks at all of them takes longer than any test may.
    const ran = await on(server, ["jobs", "add", "/srv/x", "-r", "--wait", "-q"]);
    expect(ran.out.trim().split("\n")).toHaveLength(ids.length);
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
