import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { AppError } from "../../src/errors.ts";
import { listen } from "../../src/server/listen.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { bearer, type Stage, stage, submit } from "./fixture.ts";
import { hookOf } from "./hooks/fixture.ts";

const SIGNED = `[hooks.signed]\npath = "$.p"\nto = ["deep"]\nauth = { standard = "whsec_${Buffer.alloc(24).toString("base64")}" }`;

let at: Stage;
beforeAll(async () => {
  at = await stage({ hooks: [await hookOf(SIGNED)] });
});
afterAll(() => at[Symbol.asyncDispose]());

const status = (text: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0);
const post = (lines: readonly string[], body = "", path = "/v1/jobs") =>
  `POST ${path} HTTP/1.1\r\nHost: ${at.host}\r\nAuthorization: ${bearer()}\r\nContent-Type: application/json\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${body}`;

describe("requests that a proxy and a server could read differently", () => {
  const JSON_BODY = '{"path":"/srv/out/x","to":["ulozto"]}';
  const chunked = `${JSON_BODY.length.toString(16)}\r\n${JSON_BODY}\r\n0\r\n\r\n`;

  test.each([
    ["a length and chunks", ["Content-Length: 37", "Transfer-Encoding: chunked"], chunked],
    ["two lengths", ["Content-Length: 37", "Content-Length: 38"], JSON_BODY],
    ["a negative length", ["Content-Length: -1"], JSON_BODY],
    ["a length with a sign", ["Content-Length: +37"], JSON_BODY],
    ["a list of lengths", ["Content-Length: 37, 38"], JSON_BODY],
    ["an unknown coding", ["Transfer-Encoding: xchunked"], chunked],
    ["a blank before the colon", ["Transfer-Encoding : chunked", "Content-Length: 37"], JSON_BODY],
    ["a folded line", ["X-A: b", " Content-Length: 37"], JSON_BODY],
    ["a chunk size that is none", ["Transfer-Encoding: chunked"], `zz\r\n${JSON_BODY}\r\n0\r\n\r\n`],
  ])("%s", async (_, lines, body) => {
    const before = at.jobs.added.length;
    const answer = await at.raw(post(lines, body), 400);
    expect(answer === "" ? 400 : status(answer)).toBeGreaterThanOrEqual(400);
    expect(at.jobs.added).toHaveLength(before);
  });

  test("the rest of a refused body is no second request", async () => {
    const smuggled = `GET /healthz HTTP/1.1\r\nHost: ${at.host}\r\n\r\n`;
    const head = `POST /v1/jobs HTTP/1.1\r\nHost: ${at.host}\r\nContent-Type: application/json\r\nContent-Length: ${smuggled.length}\r\n\r\n`;
    const answer = await at.raw(head + smuggled, 300);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(status(answer)).toBe(401);
  });

  test("a head of 20 KB, and one of 500 lines", async () => {
    expect(status(await at.raw(post([`X-A: ${"x".repeat(20_000)}`, "Content-Length: 0"]), 500))).toBe(431);
    const many = Array.from({ length: 500 }, (_, index) => `X-${index}: y`);
    expect(status(await at.raw(post([...many, "Content-Length: 0"]), 500))).toBe(431);
  });
});

describe("header values that mean harm", () => {
  test.each([
    ["authorization", "Bearer \u0000"],
    ["prefer", `wait=${"9".repeat(5000)}`],
    ["prefer", ",;=,wait=,"],
    ["accept", `${"a/b;q=".repeat(1000)}`],
    ["accept", '\\"\\",;=text/plain'],
    ["idempotency-key", "é"],
    ["last-event-id", "9".repeat(400)],
    ["last-event-id", "-1"],
    ["content-length", "0"],
    ["x-forwarded-for", "127.0.0.1\u0009"],
    ["range", "bytes=0-0"],
    ["upgrade", "websocket"],
    ["connection", "upgrade"],
    ["cookie", "a=b; __proto__=c"],
  ])("%s: %j", async (name, value) => {
    const text = `GET /v1/jobs HTTP/1.1\r\nHost: ${at.host}\r\n${name === "authorization" ? "" : `Authorization: ${bearer()}\r\n`}${name}: ${value}\r\n\r\n`;
    const answer = await at.raw(text, 200);
    expect([0, 200, 400, 401, 431]).toContain(status(answer));
    expect((await at.fetch("/healthz")).status).toBe(200);
  });
});

describe("many at once", () => {
  test("64 requests have room; the next is told to come back, and whether it lives can be seen", async () => {
    const id = (await (await submit(at)).json()).id as string;
    const waiting = Array.from({ length: 64 }, () => at.fetch(`/v1/jobs/${id}`, { headers: { prefer: "wait=30" } }));
    await Bun.sleep(150);
    const refused = await at.fetch("/v1/jobs");
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: "rate_limited", retryable: true });
    expect((await at.fetch("/v1/jobs", { token: null })).status).toBe(401);
    expect((await at.fetch("/healthz")).status).toBe(200);
    at.jobs.change(id, "done");
    expect(new Set((await Promise.all(waiting)).map((response) => response.status))).toEqual(new Set([200]));
    expect((await at.fetch("/v1/jobs")).status).toBe(200);
  });

  test("500 who dribble keep nobody out: heads, bodies without a token, bodies that are to be signed", async () => {
    const dribbles = [
      `POST /v1/jobs HTTP/1.1\r\nHost: ${at.host}\r\nX-Slow: `,
      `POST /v1/jobs HTTP/1.1\r\nHost: ${at.host}\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{`,
      `POST /hooks/signed HTTP/1.1\r\nHost: ${at.host}\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{`,
    ];
    const sockets: Socket[] = [];
    for (let count = 0; count < 500; count += 1) {
      const socket = await at.open();
      socket.on("data", () => {});
      socket.write(dribbles[count % dribbles.length] ?? "");
      sockets.push(socket);
    }
    const timer = setInterval(() => {
      for (const socket of sockets) if (!socket.destroyed) socket.write("x");
    }, 100);
    const began = performance.now();
    expect((await at.fetch("/v1/jobs")).status).toBe(200);
    expect((await submit(at)).status).toBe(202);
    const hook = await at.fetch("/hooks/signed", {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    expect(hook.status).toBe(401);
    expect(performance.now() - began).toBeLessThan(3000);
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  });

  test("a thousand bodies that are cut off leave no line in the log and no place taken", async () => {
    const before = at.log.length;
    for (let round = 0; round < 20; round += 1) {
      const sockets = await Promise.all(Array.from({ length: 50 }, () => at.open()));
      for (const socket of sockets) socket.write(post(["Content-Length: 100"], "{"));
      await Bun.sleep(5);
      for (const socket of sockets) socket.destroy();
    }
    let status = 503;
    for (let tries = 0; status === 503 && tries < 100; tries += 1) {
      status = (await at.fetch("/v1/jobs")).status;
      await Bun.sleep(10);
    }
    expect(status).toBe(200);
    expect(at.log.slice(before).filter(({ event }) => event !== "job.queued")).toEqual([]);
  });
});

describe("a unix socket", () => {
  test("is for its owner alone; whoever can open it may submit, read and manage, under any Host", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "hoist.sock");
    await using local = await stage({ unix: path });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const body = JSON.stringify({ path: "/srv/out/x.bin", to: ["ulozto"] });
    const headers = { "content-type": "application/json", host: "anything" };
    const made = await local.fetch("/v1/jobs", { method: "POST", token: null, body, headers });
    expect(made.status).toBe(202);
    expect(local.jobs.added[0]?.submitter).toMatchObject({ name: "socket", mayDelete: false });
    expect((await local.fetch("/v1/jobs/job-1", { token: null })).status).toBe(200);
    expect((await local.fetch("/v1/jobs/job-1/cancel", { method: "POST", token: null })).status).toBe(200);
    const evil = { origin: "https://evil.example" };
    expect((await local.fetch("/v1/jobs", { token: null, headers: evil })).status).toBe(403);
    const known = await local.fetch("/v1/jobs", { method: "POST", token: "all", body, headers });
    expect(known.status).toBe(202);
    expect(local.jobs.added[1]?.submitter).toMatchObject({ name: "token:all", mayDelete: true });
  });

  const nothing = () => new Response("mine");
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => null,
      (error: unknown) => (error instanceof AppError ? error.code : error),
    );

  test("one that was left behind is replaced, one that is answered and what is no socket are not", async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, "hoist.sock");
    // A process that dies leaves its socket; closing one would remove it.
    const died = Bun.spawnSync([
      process.execPath,
      "-e",
      `Bun.serve({ unix: ${JSON.stringify(path)}, fetch: () => new Response() }); process.kill(process.pid, "SIGKILL")`,
    ]);
    expect(died.signalCode).toBe("SIGKILL");
    expect(existsSync(path)).toBe(true);
    const first = await listen({ kind: "unix", path }, 0o660, nothing);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(await failure(listen({ kind: "unix", path }, 0o600, nothing))).toBe("state");
    expect(await (await fetch("http://x/", { unix: path })).text()).toBe("mine");
    await first.stop();
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, "a file");
    expect(await failure(listen({ kind: "unix", path }, 0o600, nothing))).toBe("state");
    expect(existsSync(path)).toBe(true);
    rmSync(path);
    const nowhere = join(directory.path, "x".repeat(200));
    expect(await failure(listen({ kind: "unix", path: nowhere }, 0o600, nothing))).toBe("state");
  });
});

describe("a port", () => {
  test("that is taken", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const error = await listen({ kind: "tcp", hostname: "127.0.0.1", port }, 0, () => new Response()).catch(
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(AppError);
    expect(error.code).toBe("state");
    expect(error.message).toContain(`127.0.0.1:${port}`);
    other.close();
  });

  test("is open on the address that was asked for and on no other", async () => {
    await using other = await stage();
    const reached = await fetch(`http://127.0.0.2:${other.port}/healthz`).then(
      () => true,
      () => false,
    );
    expect(reached).toBe(false);
  });
});
