import { describe, expect, test } from "bun:test";
import { truncateSync } from "node:fs";
import fc from "fast-check";
import type { AppError } from "../../src/errors.ts";
import { type Answer, type RequestSpec, request } from "../../src/http/request.ts";
import { type Body, formBody, jsonBody, multipartBody, rawBody, textBody } from "../../src/io/body.ts";
import { openFile, type Source } from "../../src/io/source.ts";
import { streamSource } from "../../src/io/stream-source.ts";
import { testAuthority } from "../e2e/stand-in/tls.ts";
import { rawServer } from "../support/raw-server.ts";
import { bytesOf, temporaryDirectory } from "../support/temporary.ts";

const MIB = 1024 * 1024;
const LIMITS = { connectMs: 5000, idleMs: 5000, answerMs: 5000 };

interface Received {
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/** Keeps what it is sent. */
function sink(tls: boolean) {
  const received: Received[] = [];
  const { trusted } = testAuthority();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    ...(tls ? { tls: { key: trusted.key, cert: trusted.cert } } : {}),
    async fetch(incoming) {
      received.push({ headers: incoming.headers, bytes: new Uint8Array(await incoming.arrayBuffer()) });
      return new Response("taken");
    },
  });
  return {
    received,
    url: `${tls ? "https" : "http"}://127.0.0.1:${server.port}/`,
    [Symbol.dispose]: () => void server.stop(true),
  };
}

/** `fetch` that trusts the test's authority. */
const trustingFetch = ((url: string, init: object) =>
  fetch(url, { ...init, tls: { ca: Bun.file(testAuthority().caFile) } } as RequestInit)) as typeof fetch;

function send(url: string, body: Body, extra: Partial<RequestSpec> = {}): Promise<Answer> {
  const signal = new AbortController().signal;
  return request(trustingFetch, { method: "POST", url, body, signal, limits: LIMITS, ...extra });
}

/** Counts its calls, and remembers how much the source had given. */
function lastChunk(source: Source) {
  const at: number[] = [];
  return { at, options: { beforeLast: async () => void at.push(source.bytesRead) } };
}

function streamOf(...chunks: Uint8Array[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
      controller.close();
    },
  });
}

describe.each([false, true])("over TLS: %p", (tls) => {
  test.each([0, 1, 262_144, 262_145, 3 * MIB + 5])("raw: %d bytes arrive as they are", async (size) => {
    using directory = temporaryDirectory();
    using server = sink(tls);
    const content = bytesOf(size);
    using source = openFile(directory.file("f", content), { hash: true });
    const last = lastChunk(source);
    const body = rawBody(source, "application/octet-stream", last.options);
    expect([body.started, body.complete, body.waitingSince]).toEqual([false, false, null]);
    expect((await send(server.url, body)).text).toBe("taken");
    const [got] = server.received;
    expect(Buffer.compare(got?.bytes ?? new Uint8Array(1), content)).toBe(0);
    expect(got?.headers.get("content-length")).toBe(String(size));
    expect(got?.headers.get("transfer-encoding")).toBeNull();
    expect(got?.headers.get("content-type")).toBe("application/octet-stream");
    expect(last.at).toEqual([size]);
    expect([body.started, body.complete]).toEqual([true, true]);
    expect(body.waitingSince).toBeGreaterThan(0);
    expect(source.md5()).toBe(new Bun.CryptoHasher("md5").update(content).digest("hex"));
  });

  test.each([0, 1, 262_145, 3 * MIB + 5])("multipart: %d bytes arrive as the only part", async (size) => {
    using directory = temporaryDirectory();
    using server = sink(tls);
    const content = bytesOf(size);
    using source = openFile(directory.file("f", content), { hash: true });
    const last = lastChunk(source);
    const body = multipartBody(source, { field: "file", fileName: "příliš žluťoučký.bin" }, last.options);
    expect((await send(server.url, body)).text).toBe("taken");
    const [got] = server.received;
    expect(got?.headers.get("content-length")).toBe(String(got?.bytes.byteLength));
    expect(body.length).toBe(got?.bytes.byteLength ?? -1);
    const form = await new Response(got?.bytes as Uint8Array<ArrayBuffer>, {
      headers: { "Content-Type": body.type ?? "" },
    }).formData();
    expect([...form.keys()]).toEqual(["file"]);
    const file = form.get("file") as File;
    expect(file.name).toBe("příliš žluťoučký.bin");
    expect(Buffer.compare(new Uint8Array(await file.arrayBuffer()), content)).toBe(0);
    expect(last.at).toEqual([size]);
    expect(body.complete).toBe(true);
  });

  test("an unknown length arrives in chunks, whatever their sizes", async () => {
    using server = sink(tls);
    const chunks = [bytesOf(1), bytesOf(300_000), bytesOf(17)];
    for (const given of [chunks, [bytesOf(5)], []]) {
      using source = streamSource("standard input", streamOf(...given), { hash: false });
      const last = lastChunk(source);
      const body = rawBody(source, null, last.options);
      expect(body.length).toBeNull();
      await send(server.url, body);
      const got = server.received.at(-1);
      expect(Buffer.compare(got?.bytes ?? new Uint8Array(1), Buffer.concat(given))).toBe(0);
      expect(got?.headers.get("content-length")).toBeNull();
      expect(got?.headers.get("content-type")).toBeNull();
      expect(last.at).toEqual([Buffer.concat(given).byteLength]);
      expect(body.complete).toBe(true);
    }
  });
});

test("a body is sent whole at each request", async () => {
  using directory = temporaryDirectory();
  using server = sink(false);
  const content = bytesOf(MIB);
  using source = openFile(directory.file("f", content), { hash: true });
  const last = lastChunk(source);
  const body = rawBody(source, null, last.options);
  for (let round = 0; round < 2; round += 1) await send(server.url, body);
  expect(server.received.map(({ bytes }) => Buffer.compare(bytes, content))).toEqual([0, 0]);
  expect(last.at).toEqual([MIB, MIB]);
});

test("a body counts as complete from its last chunk on, not from its end", async () => {
  using directory = temporaryDirectory();
  using source = openFile(directory.file("f", bytesOf(600_000)), { hash: false });
  const raw = rawBody(source, null, { beforeLast: async () => {} });
  const multipart = multipartBody(source, { field: "file", fileName: "f" }, { beforeLast: async () => {} });
  for (const body of [raw, multipart]) {
    const reader = body.stream().getReader();
    for (let left = body.length ?? 0; left > 0; ) {
      expect(body.complete).toBe(false);
      left -= (await reader.read()).value?.byteLength ?? 0;
    }
    expect(body.complete).toBe(true);
    await reader.cancel();
  }
});

test("texts, forms and JSON carry their type and length", async () => {
  using server = sink(false);
  await send(server.url, textBody("žluť", "text/plain"));
  await send(server.url, textBody("", "text/plain"));
  await send(server.url, formBody({ user: "a@b.example", pass: "p&ss=1 2" }));
  await send(server.url, jsonBody({ name: "ž" }));
  const seen = server.received.map(({ headers, bytes }) => [
    headers.get("content-type"),
    headers.get("content-length"),
    new TextDecoder().decode(bytes),
  ]);
  expect(seen).toEqual([
    ["text/plain", "6", "žluť"],
    ["text/plain", "0", ""],
    ["application/x-www-form-urlencoded", "36", "user=a%40b.example&pass=p%26ss%3D1+2"],
    ["application/json", "13", '{"name":"ž"}'],
  ]);
});

test("any name leaves exactly one part, and none of its characters ends the header", async () => {
  using directory = temporaryDirectory();
  using source = openFile(directory.file("f", "content"), { hash: false });
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).filter((text) => !text.includes("\0"));
  const hostile = fc.constantFrom('a"; x="b', "a\r\nX: y", "--boundary--", "%22", "\\", "'", "😀");
  await fc.assert(
    fc.asyncProperty(fc.oneof(name, hostile), async (fileName) => {
      const body = multipartBody(source, { field: "file", fileName }, { beforeLast: async () => {} });
      const bytes = new Uint8Array(await new Response(body.stream()).arrayBuffer());
      expect(bytes.byteLength).toBe(body.length ?? -1);
      const text = new TextDecoder().decode(bytes);
      const head = text.slice(0, text.indexOf("\r\n\r\n")).split("\r\n");
      expect(head).toHaveLength(3);
      const written = /filename="([^"]*)"$/.exec(head[1] ?? "")?.[1];
      const read = written?.replaceAll("%22", '"').replaceAll("%0D", "\r").replaceAll("%0A", "\n");
      expect(read).toBe(fileName.replaceAll("%22", '"').replaceAll("%0D", "\r").replaceAll("%0A", "\n"));
    }),
    { numRuns: 200 },
  );
});

describe("what the host may hold", () => {
  /** Sends `size` bytes to a server that breaks off after `limit` of them. */
  async function broken(size: number, limit: number) {
    using directory = temporaryDirectory();
    using source = openFile(directory.file("f", bytesOf(size)), { hash: false });
    const last = lastChunk(source);
    const body = rawBody(source, null, last.options);
    let seen = 0;
    await using server = await rawServer((socket, text) => {
      seen = text.length;
      if (seen >= limit) socket.resetAndDestroy();
    });
    const error = await send(server.url, body).catch((thrown: AppError) => thrown);
    return { body, last, error };
  }

  test("not everything, when the connection breaks early in a large body", async () => {
    const { body, last, error } = await broken(16 * MIB, 1);
    expect(error).toMatchObject({ code: "network" });
    expect([body.started, body.complete, last.at]).toEqual([true, false, []]);
  });

  test("perhaps everything, when it breaks after the last byte", async () => {
    const { body, last, error } = await broken(MIB, MIB);
    expect(error).toMatchObject({ code: "network" });
    expect([body.complete, last.at]).toEqual([true, [MIB]]);
  });

  test("nothing, when there was no connection", async () => {
    using directory = temporaryDirectory();
    using source = openFile(directory.file("f", bytesOf(10)), { hash: false });
    const last = lastChunk(source);
    const body = rawBody(source, null, last.options);
    const closed = await rawServer(() => {});
    await closed[Symbol.asyncDispose]();
    expect(await send(closed.url, body).catch((thrown: AppError) => thrown)).toMatchObject({ code: "network" });
    expect([body.started, body.complete, last.at]).toEqual([false, false, []]);
  });

  test("the last chunk waits for what must be durable first, and is not sent without it", async () => {
    using directory = temporaryDirectory();
    using server = sink(false);
    using source = openFile(directory.file("f", bytesOf(10)), { hash: false });
    const failure = Object.assign(new Error("taken over"), { code: "state" });
    const body = rawBody(source, null, { beforeLast: () => Promise.reject(failure) });
    await expect(send(server.url, body)).rejects.toThrow();
    expect(body.complete).toBe(false);
    expect(server.received).toEqual([]);
  });
});

describe("while the body is under way", () => {
  test("an early answer is the answer, and nothing more is read", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("f", "");
    truncateSync(path, 256 * MIB);
    using source = openFile(path, { hash: false });
    const body = rawBody(source, null, { beforeLast: async () => {} });
    await using server = await rawServer((socket, text) => {
      // Goes on reading, as a server may.
      if (text.length < 200_000) socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 7\r\n\r\ntoo big");
    });
    expect(await send(server.url, body)).toMatchObject({ status: 413, text: "too big" });
    expect(body.complete).toBe(false);
    // What was being read when the answer came still arrives.
    await Bun.sleep(50);
    const read = source.bytesRead;
    expect(read).toBeLessThan(64 * MIB);
    await Bun.sleep(50);
    expect(source.bytesRead).toBe(read);
  });

  test("a server that takes no more bytes is a timeout; who throttles is not", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("f", "");
    truncateSync(path, 64 * MIB);
    const limits = { ...LIMITS, idleMs: 150 };
    using source = openFile(path, { hash: false });
    const body = rawBody(source, null, { beforeLast: async () => {} });
    await using deaf = await rawServer((socket) => socket.pause());
    const error = await send(deaf.url, body, { limits }).catch((thrown: AppError) => thrown);
    expect(error).toMatchObject({ code: "timeout" });
    expect((error as AppError).message).toContain("took no more bytes");

    using server = sink(false);
    const slow = directory.file("slow", bytesOf(3000));
    let given = 0;
    using throttled = openFile(slow, {
      hash: false,
      throttle: {
        grain: () => 1000,
        take: async () => {
          // Longer than the host may idle.
          if (given++ > 0) await Bun.sleep(400);
        },
      },
    });
    const patient = rawBody(throttled, null, { beforeLast: async () => {} });
    expect((await send(server.url, patient, { limits })).text).toBe("taken");
    expect(given).toBe(3);
  });

  test("a short file goes in one piece, unless a rate limit holds it back", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("f", bytesOf(3000));
    const throttle = { grain: () => 1000, take: async () => {} };
    const pieces: number[][] = [];
    for (const options of [{ hash: false }, { hash: false, throttle }]) {
      using source = openFile(path, options);
      const last = lastChunk(source);
      const body = multipartBody(source, { field: "file", fileName: "f" }, last.options);
      pieces.push(
        (await Array.fromAsync(body.stream() as unknown as AsyncIterable<Uint8Array>)).map(({ length }) => length),
      );
      expect(last.at).toEqual([3000]);
      expect(pieces.at(-1)?.reduce((sum, length) => sum + length)).toBe(body.length ?? -1);
    }
    expect(pieces.map(({ length }) => length)).toEqual([1, 5]);
  });

  test("a server that never shakes hands is no connection", async () => {
    using directory = temporaryDirectory();
    using source = openFile(directory.file("f", bytesOf(10)), { hash: false });
    const body = rawBody(source, null, { beforeLast: async () => {} });
    await using mute = await rawServer(() => {});
    const url = mute.url.replace("http:", "https:");
    const error = await send(url, body, { limits: { ...LIMITS, connectMs: 150 } }).catch((thrown: AppError) => thrown);
    expect(error).toMatchObject({ code: "timeout" });
    expect((error as AppError).message).toContain("no connection");
    expect(body.started).toBe(false);
  });

  test("an answer that does not come is a timeout after the last byte", async () => {
    using directory = temporaryDirectory();
    using source = openFile(directory.file("f", bytesOf(10)), { hash: false });
    const body = rawBody(source, null, { beforeLast: async () => {} });
    await using mute = await rawServer(() => {});
    const error = await send(mute.url, body, { limits: { ...LIMITS, idleMs: 1, answerMs: 150 } }).catch(
      (thrown: AppError) => thrown,
    );
    expect(error).toMatchObject({ code: "timeout" });
    expect((error as AppError).message).toContain("did not answer");
    expect(body.complete).toBe(true);
  });

  test("a stop frees the connection and the source at once", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("f", "");
    truncateSync(path, 64 * MIB);
    using source = openFile(path, { hash: false });
    const body = rawBody(source, null, { beforeLast: async () => {} });
    const stop = new AbortController();
    let closed = false;
    await using server = await rawServer((socket) => {
      socket.once("close", () => {
        closed = true;
      });
      stop.abort({ exit: 130 });
    });
    const startedAt = performance.now();
    const error = await send(server.url, body, { signal: stop.signal }).catch((thrown: AppError) => thrown);
    expect(error).toMatchObject({ code: "cancelled" });
    expect(performance.now() - startedAt).toBeLessThan(1000);
    while (!closed) await Bun.sleep(5);
    const read = source.bytesRead;
    await Bun.sleep(50);
    // One piece may have been on its way.
    expect(source.bytesRead - read).toBeLessThanOrEqual(MIB);
    expect(source.bytesRead).toBeLessThan(64 * MIB);
  });

  test("a file that shrinks fails as a source, not as a network", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("f", "");
    truncateSync(path, 64 * MIB);
    using source = openFile(path, { hash: false });
    const body = rawBody(source, null, { beforeLast: async () => {} });
    let cut = false;
    await using server = await rawServer(() => {
      if (!cut) truncateSync(path, 1000);
      cut = true;
    });
    const error = await send(server.url, body).catch((thrown: AppError) => thrown);
    expect(error).toMatchObject({ code: "source" });
    expect(body.complete).toBe(false);
  });
});

test("a large file goes through without filling the memory", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("f", "");
  truncateSync(path, 256 * MIB);
  const script = `
    import { openFile } from "${import.meta.dir}/../../src/io/source.ts";
    import { multipartBody } from "${import.meta.dir}/../../src/io/body.ts";
    import { request } from "${import.meta.dir}/../../src/http/request.ts";
    using source = openFile(${JSON.stringify(path)}, { hash: false });
    const body = multipartBody(source, { field: "file", fileName: "f" }, { beforeLast: async () => {} });
    const limits = { connectMs: 5000, idleMs: 5000, answerMs: 5000 };
    const before = process.memoryUsage.rss();
    const { text } = await request(fetch, {
      method: "POST", url: process.argv[1], body, signal: new AbortController().signal, limits,
    });
    // What getrusage calls the maximum is the parent's at first.
    const [, peak] = /VmHWM:\\s+(\\d+)/.exec(await Bun.file("/proc/self/status").text());
    console.log(JSON.stringify({ text, grown: peak * 1024 - before }));
  `;
  let bytes = 0;
  const server = Bun.listen({
    port: 0,
    hostname: "127.0.0.1",
    socket: {
      data(socket, chunk) {
        bytes += chunk.byteLength;
        if (chunk.subarray(-4).toString() === "--\r\n") socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntaken");
      },
    },
  });
  try {
    const url = `http://127.0.0.1:${server.port}/`;
    const child = Bun.spawn([process.execPath, "-e", script, url], { stdout: "pipe", stderr: "inherit" });
    const { text, grown } = JSON.parse(await new Response(child.stdout).text());
    expect(text).toBe("taken");
    expect(bytes).toBeGreaterThan(256 * MIB);
    expect(grown).toBeLessThan(120 * MIB);
  } finally {
    server.stop(true);
  }
}, 20_000);
