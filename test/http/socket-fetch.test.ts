import { expect, test } from "bun:test";
import type { Socket } from "node:net";
import { deflateSync } from "node:zlib";
import { createAnswerParser } from "../../src/http/answer-parser.ts";
import { socketFetch } from "../../src/http/socket-fetch.ts";
import { OK, pulledStream, rawServer } from "../support/raw-server.ts";

const never = () => new AbortController().signal;
const post = (url: string, body: ReadableStream<Uint8Array>, headers: Record<string, string>, signal = never()) =>
  socketFetch(url, { method: "POST", headers, body, signal });
const said = async (answer: Promise<Response>) => {
  const response = await answer;
  return { status: response.status, text: await response.text() };
};
const codeOf = (answer: Promise<unknown>) =>
  answer.then(
    () => null,
    (error) => error.code,
  );

test("the request is what HTTP wants, its body byte for byte", async () => {
  await using server = await rawServer((socket, text) => {
    if (text.endsWith("xxx") && text.length > 300_000) socket.end(OK);
  });
  const answer = post(`${server.url}up?a=b#c`, pulledStream(3, 100_000), { Slug: "a b", "Content-Length": "300000" });
  expect(await said(answer)).toEqual({ status: 200, text: "ok" });
  const host = `127.0.0.1:${server.port}`;
  const head = `POST /up?a=b HTTP/1.1\r\nHost: ${host}\r\nSlug: a b\r\nContent-Length: 300000\r\nConnection: close\r\n\r\n`;
  expect(server.received).toEqual([head + "x".repeat(300_000)]);
});

test("a body of unknown length goes in chunks", async () => {
  await using server = await rawServer((socket, text) => {
    if (text.endsWith("\r\n0\r\n\r\n")) socket.end(OK);
  });
  expect(await said(post(server.url, pulledStream(2, 20), {}))).toEqual({ status: 200, text: "ok" });
  const chunk = `14\r\n${"x".repeat(20)}\r\n`;
  expect(server.received[0]?.split("\r\n\r\n").slice(1).join("\r\n\r\n")).toBe(`${chunk}${chunk}0\r\n\r\n`);
  expect(server.received[0]).toContain("\r\nTransfer-Encoding: chunked\r\n");
});

async function inSteps(socket: Socket, text: string, step: number): Promise<void> {
  for (let at = 0; at < text.length; at += step) {
    socket.write(text.slice(at, at + step));
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
}

const CHUNKED =
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n02;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n";
test.each([
  ["a length", "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nabcde", 201, "abcde"],
  ["chunks", CHUNKED, 200, "abcde"],
  ["the end of the connection", "HTTP/1.0 200 OK\r\n\r\nabcde", 200, "abcde"],
  ["no body", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""],
  ["an interim answer before it", `HTTP/1.1 100 Continue\r\n\r\n${OK}`, 200, "ok"],
])("an answer with %s, whole and byte by byte", async (_, answer, status, text) => {
  for (const step of [answer.length, 1]) {
    await using server = await rawServer((socket, received) => {
      if (received.endsWith("xx")) void inSteps(socket, answer, step);
    });
    expect(await said(post(server.url, pulledStream(1, 2), { "Content-Length": "2" }))).toEqual({ status, text });
  }
});

const coded = (coding: string, bytes: Uint8Array) =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${bytes.byteLength}\r\n\r\n`),
    bytes,
  ]);
const TEXT = "abcde".repeat(1000);
const answerTo = async (answer: Uint8Array) => {
  await using server = await rawServer((socket, received) => {
    if (received.endsWith("xx")) socket.end(answer);
  });
  return await said(post(server.url, pulledStream(1, 2), { "Content-Length": "2" }));
};

test.each([
  ["gzip", Bun.gzipSync(TEXT)],
  ["X-GZip", Bun.gzipSync(TEXT)],
  ["deflate", deflateSync(TEXT)],
  ["deflate, gzip", Bun.gzipSync(deflateSync(TEXT))],
  ["identity", Buffer.from(TEXT)],
])("an answer coded as %s although nobody asked for it is decoded", async (coding, bytes) => {
  expect(await answerTo(coded(coding, bytes))).toEqual({ status: 200, text: TEXT });
});

test("an empty answer is empty in every coding", async () => {
  expect(await answerTo(coded("gzip", new Uint8Array()))).toEqual({ status: 200, text: "" });
});

test.each([
  ["gzip", Buffer.from(TEXT)],
  ["gzip", Bun.gzipSync(TEXT).slice(0, 20)],
  ["xyz", Buffer.from(TEXT)],
])("an answer that is not coded as it says, or in a way that is not known, is no answer: %s", async (coding, bytes) => {
  expect(await codeOf(answerTo(coded(coding, bytes)))).toBe("host_protocol");
});

test.each([
  "SSH-2.0-OpenSSH\r\n\r\n",
  "HTTP/1.1 999 ?\r\n\r\n",
  "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  `HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}`,
])("what is no answer is told so: %j", async (answer) => {
  await using server = await rawServer((socket, text) => {
    if (text.endsWith("xx")) socket.end(answer);
  });
  expect(await codeOf(said(post(server.url, pulledStream(1, 2), { "Content-Length": "2" })))).toBe("host_protocol");
});

test("an early answer is read although the host closes at once, and the body is asked for no more", async () => {
  let pulls = 0;
  let answered = false;
  await using server = await rawServer((socket) => {
    if (answered) return;
    answered = true;
    const answer = "HTTP/1.1 413 Too Large\r\nContent-Length: 7\r\n\r\ntoo big";
    socket.end(answer, () => setTimeout(() => socket.destroy(), 20));
  });
  const body = pulledStream(20_000, 65_536, () => {
    pulls += 1;
  });
  const answer = said(post(server.url, body, { "Content-Length": String(20_000 * 65_536) }));
  expect(await answer).toEqual({ status: 413, text: "too big" });
  const before = pulls;
  await Bun.sleep(30);
  expect(pulls).toBe(before);
  expect(pulls).toBeLessThan(20_000);
});

test("refused, broken off, and cut within the answer are told apart from an answer", async () => {
  let port: number;
  {
    await using gone = await rawServer(() => {});
    port = gone.port;
  }
  const refused = post(`http://127.0.0.1:${port}/`, pulledStream(1, 1), { "Content-Length": "1" });
  expect(await codeOf(refused)).toBe("ECONNREFUSED");
  const closers: ((socket: Socket) => void)[] = [
    (socket) => socket.destroy(),
    (socket) => socket.end(),
    (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut"),
    (socket) => socket.end(coded("gzip", Bun.gzipSync(TEXT)).subarray(0, -5)),
  ];
  for (const close of closers) {
    await using server = await rawServer((socket, text) => {
      if (text.endsWith("xx")) close(socket);
    });
    const answer = said(post(server.url, pulledStream(1, 2), { "Content-Length": "2" }));
    expect(["ECONNRESET", "ECONNABORTED", "EPIPE"]).toContain(await codeOf(answer));
  }
});

test("a stop ends it at once: before the connection, within the body, within the answer", async () => {
  const stop = new Error("stop");
  await using silent = await rawServer(() => {});
  const early = new AbortController();
  early.abort(stop);
  await expect(post(silent.url, pulledStream(1, 1), { "Content-Length": "1" }, early.signal)).rejects.toBe(stop);
  const within = new AbortController();
  setTimeout(() => within.abort(stop), 30);
  await expect(post(silent.url, pulledStream(1, 1), { "Content-Length": "2" }, within.signal)).rejects.toBe(stop);
  await using half = await rawServer((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"));
  const late = new AbortController();
  const response = await post(half.url, pulledStream(1, 2), { "Content-Length": "2" }, late.signal);
  setTimeout(() => late.abort(stop), 30);
  await expect(response.text()).rejects.toBe(stop);
});

test("what the body throws comes out unchanged", async () => {
  await using server = await rawServer(() => {});
  const broken = new Error("the disk is gone");
  const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(broken) }, { highWaterMark: 0 });
  await expect(post(server.url, body, { "Content-Length": "5" })).rejects.toBe(broken);
});

test("a header that would be two is none", async () => {
  await using server = await rawServer((socket) => socket.end(OK));
  const answer = post(server.url, pulledStream(1, 1), { "Content-Length": "1", Slug: "a\r\nX: y" });
  await expect(answer).rejects.toThrow("the header Slug holds what no header can");
  expect(server.received.join("")).toBe("");
});

test("more bytes than the answer has are no part of it", () => {
  const parser = createAnswerParser();
  const body = parser.feed(Buffer.from(`${OK}HTTP/1.1 500 Oops\r\n\r\n`));
  expect(Buffer.from(body).toString()).toBe("ok");
  expect(parser.done).toBe(true);
  expect(parser.head?.status).toBe(200);
});
