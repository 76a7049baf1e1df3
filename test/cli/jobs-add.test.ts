import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary.ts";
import { fakeServer, problem, QUEUED, runOn } from "./fake-server.ts";
import type { Ran } from "./fixture.ts";

let directory: TemporaryDirectory;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => directory[Symbol.dispose]());

function on(server: { readonly url: string }, argv: readonly string[], env?: Record<string, string>): Promise<Ran> {
  return runOn(server, directory.path, argv, env);
}

describe("jobs add", () => {
  test("queues absolute paths with what is asked for and prints ids", async () => {
    await using server = fakeServer((_, index) => Response.json({ ...QUEUED, id: `job-${index}` }, { status: 202 }));
    const argv = ["jobs", "add", "a.bin", "/srv/t/", "--to", "ulozto:/ISO", "--to", "uploadgig", "--label", "build=42"];
    const ran = await on(server, [...argv, "-r", "--name", "{n}-{name}", "--not-before", "2026-12-01T02:00:00Z"]);
    expect(ran).toEqual({ code: 0, out: "job-0\njob-1\n", err: "" });
    expect(server.asked.map(({ method, path, body }) => [method, path, JSON.parse(body)])).toEqual(
      [join(process.cwd(), "a.bin"), "/srv/t/"].map((path, index) => [
        "POST",
        "/v1/jobs",
        {
          path,
          to: ["ulozto:/ISO", "uploadgig"],
          name: "{n}-{name}",
          ...(index === 0 ? {} : { firstNumber: 2 }),
          recursive: true,
          notBefore: "2026-12-01T02:00:00.000Z",
          labels: { build: "42" },
        },
      ]),
    );
    expect(server.asked[0]?.headers.get("content-type")).toBe("application/json");
  });

  test.each([
    ["x{n:2}{{n}}", [undefined, 4, 5]],
    ["{{n}}{name}", [undefined, undefined, undefined]],
  ])("numbers files on from one request to the next, as hoist up does: %s", async (name, numbers) => {
    const group = { v: 1, group: "g", count: 3, jobs: [QUEUED, QUEUED, QUEUED] };
    const answers = [group, null, QUEUED];
    await using server = fakeServer((_, index) => {
      const answer = answers[index];
      return answer === null ? problem(422, "source", "the path is not there") : Response.json(answer, { status: 202 });
    });
    await on(server, ["jobs", "add", "-r", "/t", "/none", "/u", "--name", name, "--to", "uploadgig"]);
    const sent = server.asked.map(({ body }) => JSON.parse(body));
    expect(sent.map((body) => [body.name, body.firstNumber])).toEqual(numbers.map((number) => [name, number]));
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
