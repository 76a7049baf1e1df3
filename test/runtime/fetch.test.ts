import { describe, expect, test } from "bun:test";
import { truncateSync } from "node:fs";
import { open } from "node:fs/promises";
import { OK, pulledStream, rawServer } from "../support/raw-server.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** What `hoist` relies on in Bun's fetch. A red test here means: an upgrade changed it, read src/http and src/io again. */
const post = (url: string, body: ReadableStream<Uint8Array>, headers: Record<string, string> = {}) =>
  fetch(url, { method: "POST", body, headers, redirect: "manual", keepalive: false });

describe("a stream as body", () => {
  test("keeps an explicit Content-Length", async () => {
    await using server = await rawServer((socket, text) => void (text.endsWith("xxxxxx") && socket.write(OK)));
    await post(server.url, pulledStream(2, 3), { "Content-Length": "6" });
    expect(server.received[0]).toMatch(/content-length: 6\r\n/i);
    expect(server.received[0]).not.toMatch(/transfer-encoding/i);
    expect(server.received[0]).toEndWith("\r\n\r\nxxxxxx");
  });

  test("without one is sent in chunks", async () => {
    await using server = await rawServer((socket, text) => void (text.endsWith("0\r\n\r\n") && socket.write(OK)));
    await post(server.url, pulledStream(2, 3));
    expect(server.received[0]).toMatch(/transfer-encoding: chunked\r\n/i);
    expect(server.received[0]).not.toMatch(/content-length/i);
  });

  test("of nothing is sent with length 0", async () => {
    await using server = await rawServer((socket, text) => void (text.endsWith("\r\n\r\n") && socket.write(OK)));
    await post(server.url, pulledStream(0, 0), { "Content-Length": "0" });
    expect(server.received[0]).toMatch(/content-length: 0\r\n/i);
  });

  test("is not pulled before the TLS handshake is done", async () => {
    await using server = await rawServer(() => {});
    let pulls = 0;
    const gone = new AbortController();
    const waiting = fetch(`https://127.0.0.1:${server.port}/`, {
      method: "POST",
      body: pulledStream(9, 9, () => {
        pulls += 1;
      }),
      signal: gone.signal,
    });
    waiting.catch(() => {});
    while ((server.received[0] ?? "") === "") await Bun.sleep(5);
    await Bun.sleep(50);
    expect(pulls).toBe(0);
    gone.abort();
    await expect(waiting).rejects.toThrow();
  });

  test("is not pulled when nobody listens", async () => {
    let pulls = 0;
    const refused = post(
      "http://127.0.0.1:1/",
      pulledStream(9, 9, () => {
        pulls += 1;
      }),
    );
    await expect(refused).rejects.toMatchObject({ code: expect.stringMatching(/ECONNREFUSED|ConnectionRefused/) });
    expect(pulls).toBe(0);
  });

  test("is no longer pulled once the other side takes nothing", async () => {
    await using server = await rawServer((socket) => void socket.pause());
    let pulls = 0;
    const gone = new AbortController();
    const waiting = fetch(server.url, {
      method: "POST",
      body: pulledStream(400, 262_144, () => {
        pulls += 1;
      }),
      headers: { "Content-Length": String(400 * 262_144) },
      signal: gone.signal,
    });
    waiting.catch(() => {});
    for (let before = -1; before !== pulls || pulls === 0; await Bun.sleep(60)) before = pulls;
    // 64 of them are 16 MiB: what two sockets may hold, and more.
    expect(pulls).toBeLessThan(64);
    gone.abort();
    await expect(waiting).rejects.toThrow();
  });

  test("that fails fails the fetch with its own error", async () => {
    await using server = await rawServer(() => {});
    const failure = Object.assign(new Error("the disk is gone"), { code: "EIO" });
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(failure);
      },
    });
    expect(await post(server.url, body, { "Content-Length": "9" }).catch((error) => error)).toBe(failure);
  });

  test("is let go when an answer comes early", async () => {
    await using server = await rawServer(
      (socket) => void socket.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
    );
    let pulls = 0;
    const slow = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          pulls += 1;
          await Bun.sleep(5);
          controller.enqueue(new Uint8Array(1000));
        },
      },
      { highWaterMark: 0 },
    );
    const answer = await post(server.url, slow, { "Content-Length": "1000000" });
    expect([answer.status, await answer.text()]).toEqual([403, "no"]);
    await Bun.sleep(20);
    const then = pulls;
    await Bun.sleep(50);
    expect(pulls).toBe(then);
  });

  test("shorter than its length fails at once", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("shrinks", new Uint8Array(2_000_000));
    await using handle = await open(path, "r");
    await using server = await rawServer(() => {});
    const stream = Bun.file(handle.fd).slice(0, 2_000_000).stream();
    truncateSync(path, 1000);
    const before = performance.now();
    await expect(post(server.url, stream, { "Content-Length": "2000000" })).rejects.toThrow();
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});

describe("a descriptor's stream", () => {
  test("starts anew each time, stops at its end, and leaves the descriptor open", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("a", "0123456789");
    await using handle = await open(path, "r");
    const read = (start: number, end: number) => new Response(Bun.file(handle.fd).slice(start, end).stream()).text();
    expect(await read(0, 10)).toBe("0123456789");
    await Bun.write(path, "0123456789 and more");
    expect(await read(0, 10)).toBe("0123456789");
    expect(await Promise.all([read(2, 5), read(5, 9)])).toEqual(["234", "5678"]);
    expect((await handle.stat()).isFile()).toBe(true);
  });
});

describe("redirects", () => {
  test("are left alone on request", async () => {
    await using server = await rawServer(
      (socket, text) =>
        void (
          text.endsWith("xxx") &&
          socket.write("HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        ),
    );
    const answer = await post(server.url, pulledStream(1, 3), { "Content-Length": "3" });
    expect([answer.status, answer.headers.get("location")]).toEqual([307, "/elsewhere"]);
    expect(server.received.length).toBe(1);
  });
});

describe("a request on a connection that drops", () => {
  /** Serves the first request of the first connection and breaks every other one. */
  const dropping = () =>
    rawServer((socket, text, connection) => {
      if (connection === 0 && text.split("\r\n\r\n").length === 2) socket.write(OK);
      else socket.destroy();
    });
  const requests = (received: string[]) => received.join("").match(/(?:GET|PUT|DELETE) \//g)?.length;

  test.each(["PUT", "DELETE"])("a %s is sent once with keepalive: false", async (method) => {
    await using server = await dropping();
    await (await fetch(server.url)).text();
    await expect(fetch(server.url, { method, keepalive: false })).rejects.toThrow();
    expect(requests(server.received)).toBe(2);
  });
});

test("NO_PROXY is read at each request", async () => {
  await using proxy = await rawServer((socket) => void socket.end(OK.replace("ok", "pr")));
  await using host = await rawServer((socket) => void socket.end(OK));
  const script = `
    const ask = async () => (await fetch(${JSON.stringify(host.url)}, { keepalive: false })).text();
    const before = await ask();
    process.env.NO_PROXY = process.env.no_proxy = "127.0.0.1";
    process.stdout.write(before + await ask());`;
  const inherited = Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name));
  const child = Bun.spawn([process.execPath, "-e", script], {
    env: { ...Object.fromEntries(inherited), http_proxy: proxy.url },
    stdout: "pipe",
  });
  expect(await new Response(child.stdout).text()).toBe("prok");
});
