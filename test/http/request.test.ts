import { describe, expect, test } from "bun:test";
import { type RequestSpec, request } from "../../src/http/request.ts";
import { rawBody, textBody } from "../../src/io/body.ts";
import { openFile } from "../../src/io/source.ts";
import { blackHole } from "../support/black-hole.ts";
import { OK, rawServer } from "../support/raw-server.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const specOf = (url: string, change: Partial<RequestSpec> = {}): RequestSpec => ({
  method: "POST",
  url,
  body: textBody("hello", "text/plain"),
  signal: new AbortController().signal,
  limits: { connectMs: 5_000, idleMs: 5_000, answerMs: 5_000 },
  ...change,
});
const limits = (change: Partial<RequestSpec["limits"]>) => ({
  limits: { connectMs: 5_000, idleMs: 5_000, answerMs: 5_000, ...change },
});
const answering = (answer: string) =>
  rawServer((socket, text) => void (text.endsWith("hello") && socket.write(answer)));

test("one request, one answer, nothing more on the wire", async () => {
  await using server = await answering(OK);
  const answer = await request(fetch, specOf(`${server.url}path?q=1`, { headers: { Slug: "a%20b" } }));
  expect([answer.status, answer.text]).toEqual([200, "ok"]);
  expect(server.received.length).toBe(1);
  expect(server.received[0]).toStartWith("POST /path?q=1 HTTP/1.1\r\n");
  for (const header of ["Slug: a%20b", "Content-Length: 5", "Content-Type: text/plain", "User-Agent: hoist"]) {
    expect(server.received[0]?.toLowerCase()).toContain(`\r\n${header.toLowerCase()}\r\n`);
  }
});

test("a redirect is an answer", async () => {
  await using server = await answering("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n");
  expect(await request(fetch, specOf(server.url))).toMatchObject({ status: 302, text: "" });
  expect(server.received.length).toBe(1);
});

test("an answer is read up to its cap", async () => {
  const long = `HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n${"x".repeat(2000)}`;
  await using server = await answering(long);
  expect((await request(fetch, specOf(server.url, { maxAnswer: 2000 }))).text.length).toBe(2000);
  await expect(request(fetch, specOf(server.url, { maxAnswer: 1999 }))).rejects.toMatchObject({
    code: "host_protocol",
  });
});

test("an endless answer does not fill the memory", async () => {
  await using server = await rawServer((socket, text) => {
    if (!text.endsWith("hello")) return;
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const block = `10000\r\n${"x".repeat(65_536)}\r\n`;
    const flood = () => {
      while (!socket.destroyed && socket.write(block));
      if (!socket.destroyed) socket.once("drain", flood);
    };
    flood();
  });
  await expect(request(fetch, specOf(server.url))).rejects.toMatchObject({ code: "host_protocol" });
});

describe("times", () => {
  test("no connection", async () => {
    await using server = await rawServer(() => {});
    const spec = specOf(`https://127.0.0.1:${server.port}/`, limits({ connectMs: 60 }));
    await expect(request(fetch, spec)).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("no connection"),
    });
    expect(spec.body?.started).toBe(false);
  });

  test("no answer", async () => {
    await using server = await rawServer(() => {});
    const spec = specOf(server.url, limits({ answerMs: 60 }));
    await expect(request(fetch, spec)).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("did not answer"),
    });
    expect(spec.body?.complete).toBe(true);
  });

  test("half an answer", async () => {
    await using server = await answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    const spec = specOf(server.url, limits({ answerMs: 60 }));
    await expect(request(fetch, spec)).rejects.toMatchObject({ code: "timeout" });
  });

  test("no answer to a request without a body", async () => {
    await using server = await rawServer(() => {});
    const { body: _, ...spec } = specOf(server.url, { method: "GET", ...limits({ answerMs: 60 }) });
    await expect(request(fetch, spec)).rejects.toMatchObject({ code: "timeout" });
  });

  const get = (url: string, change: Parameters<typeof limits>[0]) => {
    const { body: _, ...spec } = specOf(url, { method: "GET", ...limits(change) });
    return request(fetch, spec);
  };
  const notConnected = { code: "timeout", message: expect.stringContaining("no connection") };

  test("no connection for a request without a body: no handshake", async () => {
    await using server = await rawServer(() => {});
    await expect(get(`https://127.0.0.1:${server.port}/`, { connectMs: 100 })).rejects.toMatchObject(notConnected);
  });

  test.skipIf(process.platform !== "linux")("no connection for a request without a body: not a packet", async () => {
    using hole = await blackHole();
    await expect(get(`http://127.0.0.1:${hole.port}/`, { connectMs: 100 })).rejects.toMatchObject(notConnected);
  });

  test("a host that only takes its time is waited for, and asked once", async () => {
    await using server = await rawServer((socket) => void setTimeout(() => socket.write(OK), 900));
    expect(await get(server.url, { connectMs: 600 })).toMatchObject({ status: 200, text: "ok" });
    expect(server.received.filter((text) => text !== "").length).toBe(1);
    expect(server.received.length).toBe(2);
  });

  test("no byte taken", async () => {
    await using server = await rawServer((socket) => void socket.pause());
    using directory = temporaryDirectory();
    using source = openFile(directory.file("a", new Uint8Array(24_000_000)), { hash: false });
    const body = rawBody(source, null, { beforeLast: async () => {} });
    await expect(request(fetch, specOf(server.url, { body, ...limits({ idleMs: 60 }) }))).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("took no more bytes"),
    });
    expect(body.complete).toBe(false);
  });
});

test("a stop is `cancelled`, before the request and within it", async () => {
  await using server = await rawServer(() => {});
  const gone = new AbortController();
  const running = request(fetch, specOf(server.url, { signal: gone.signal }));
  setTimeout(() => gone.abort(), 20);
  await expect(running).rejects.toMatchObject({ code: "cancelled" });
  const before = server.received.length;
  await expect(request(fetch, specOf(server.url, { signal: gone.signal }))).rejects.toMatchObject({
    code: "cancelled",
  });
  expect(server.received.length).toBe(before);
});

test("what the network did is said without the address", async () => {
  const url = "http://127.0.0.1:1/upload?identity=s3cret";
  const error = await request(fetch, specOf(url)).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: "network", message: "127.0.0.1:1: the connection was refused" });
  expect(Bun.inspect(error)).not.toContain("s3cret");
  await using server = await rawServer((socket) => void socket.destroy());
  const broken = await request(fetch, specOf(`${server.url}?identity=s3cret`)).catch((thrown) => thrown);
  expect(broken).toMatchObject({ code: "network", message: expect.stringContaining("broken off") });
  expect(Bun.inspect(broken)).not.toContain("s3cret");
});
