import { expect, test } from "bun:test";
import type { AddressInfo, Server } from "node:net";
import { createServer as plainServer } from "node:net";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { type ServerIdentity, testAuthority } from "../e2e/stand-in/tls.ts";
import { OK, rawServer } from "../support/raw-server.ts";
import type { Posted } from "./post-child.ts";

interface Listening extends AsyncDisposable {
  readonly port: number;
}

async function listening(server: Server): Promise<Listening> {
  const sockets = new Set<{ destroy(): unknown }>();
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Arrived {
  readonly secured: { readonly name: string | false; readonly protocol: string | false | null }[];
  head: string;
  bytes: number;
  readonly digest: Bun.CryptoHasher;
}

/** Takes a body of `length` bytes, slowly at first, and answers. */
async function secureServer(
  identity: ServerIdentity,
  length: number,
  answerAfter = length,
  answer = (socket: TLSSocket): unknown => socket.end(OK),
) {
  const arrived: Arrived = { secured: [], head: "", bytes: 0, digest: new Bun.CryptoHasher("sha256") };
  const take = (socket: TLSSocket) => {
    arrived.secured.push({ name: socket.servername || false, protocol: socket.alpnProtocol });
    let answered = false;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      if (!arrived.head.includes("\r\n\r\n")) {
        const all = Buffer.concat([Buffer.from(arrived.head, "latin1"), chunk]);
        const end = all.indexOf("\r\n\r\n");
        arrived.head = all.subarray(0, end === -1 ? all.length : end + 4).toString("latin1");
        if (end === -1) return;
        chunk = all.subarray(end + 4);
      }
      arrived.digest.update(chunk);
      arrived.bytes += chunk.byteLength;
      if (answered) return;
      if (arrived.bytes >= answerAfter) {
        // Once, whatever else comes: a second answer would make a cut one whole.
        answered = true;
        answer(socket);
      } else if (arrived.bytes < 200_000) {
        socket.pause();
        setTimeout(() => socket.resume(), 20);
      }
    });
  };
  const server = createServer({ ...identity, ALPNProtocols: ["h2", "http/1.1"], allowHalfOpen: true }, take);
  server.on("tlsClientError", () => {});
  return { arrived, ...(await listening(server)) };
}

async function post(
  url: string,
  options: { chunks?: number; size?: number; liveMs?: number; ca?: string; stay?: () => Promise<unknown> } = {},
): Promise<Posted> {
  const { chunks = 1, size = 1000, liveMs = 20_000, ca = testAuthority().caFile, stay } = options;
  const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env;
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "post-child.ts"), url, String(chunks), String(size), String(liveMs)],
    {
      env: { ...inherited, NODE_TLS_REJECT_UNAUTHORIZED: "0", ...(ca === "" ? {} : { NODE_EXTRA_CA_CERTS: ca }) },
      stdin: "pipe",
    },
  );
  await stay?.();
  child.stdin.end();
  return JSON.parse(await new Response(child.stdout).text());
}

test.concurrent("a body arrives byte for byte over TLS, from memory that is used again", async () => {
  const [chunks, size] = [24, 1024 * 1024];
  await using server = await secureServer(testAuthority().trusted, chunks * size);
  const posted = await post(`https://localhost:${server.port}/up?a=b`, { chunks, size });
  expect(posted).toMatchObject({ status: 200, text: "ok", code: null });
  expect(server.arrived.head).toStartWith(`POST /up?a=b HTTP/1.1\r\nHost: localhost:${server.port}\r\n`);
  expect(server.arrived.secured).toEqual([{ name: "localhost", protocol: "http/1.1" }]);
  const whole = new Bun.CryptoHasher("sha256");
  for (let at = 1; at <= chunks; at += 1) whole.update(new Uint8Array(size).fill(at));
  expect(server.arrived.digest.digest("hex")).toBe(whole.digest("hex"));
});

test.concurrent("an address has no name to be asked for", async () => {
  await using server = await secureServer(testAuthority().trusted, 1000);
  expect(await post(`https://127.0.0.1:${server.port}/`)).toMatchObject({ status: 200 });
  expect(server.arrived.secured).toEqual([{ name: false, protocol: "http/1.1" }]);
});

test.concurrent.each([
  ["of an unknown authority", "trusted", ""],
  ["of another name", "otherName", undefined],
  ["no longer valid", "expired", undefined],
] as const)("a certificate %s is refused before the first byte, whatever the environment says", async (_, name, ca) => {
  await using server = await secureServer(testAuthority()[name], 1000);
  const posted = await post(`https://127.0.0.1:${server.port}/`, ca === undefined ? {} : { ca });
  expect(posted).toEqual({ status: null, text: "", code: "certificate", pulls: 0 });
  expect(server.arrived).toMatchObject({ head: "", bytes: 0 });
});

test.concurrent("an answer in the middle of the body ends it", async () => {
  await using server = await secureServer(testAuthority().trusted, Number.POSITIVE_INFINITY, 3_000_000);
  const posted = await post(`https://127.0.0.1:${server.port}/`, { chunks: 1000, size: 1024 * 1024 });
  expect(posted).toMatchObject({ status: 200, text: "ok" });
  expect(posted.pulls).toBeLessThan(100);
});

test.concurrent.each<[string, (socket: TLSSocket) => unknown]>([
  ["in the middle of the body", (socket) => socket.destroy()],
  ["in the middle of the answer", (socket) => socket.write(OK.slice(0, -1), () => socket.destroy())],
])("a connection that breaks %s is told as such", async (_, answer) => {
  await using server = await secureServer(testAuthority().trusted, 1_000_000, 500_000, answer);
  const posted = await post(`https://127.0.0.1:${server.port}/`, { size: 1_000_000 });
  expect(posted).toMatchObject({ status: null, code: "network" });
});

test.concurrent("a connection is given up once the answer is whole, though the host keeps its side open", async () => {
  const gone = Promise.withResolvers<void>();
  const answer = (socket: TLSSocket) => {
    socket.write(OK);
    // Only a side that is still there takes more.
    const more = setInterval(() => socket.write("more"), 10);
    socket.on("close", () => {
      clearInterval(more);
      gone.resolve();
    });
  };
  await using server = await secureServer(testAuthority().trusted, 1000, 1000, answer);
  let left = false;
  const stay = async () => {
    left = await Promise.race([gone.promise.then(() => true), Bun.sleep(2000).then(() => false)]);
  };
  expect(await post(`https://127.0.0.1:${server.port}/`, { stay })).toMatchObject({ status: 200, text: "ok" });
  expect(left).toBe(true);
});

test.concurrent("a server that speaks no TLS gets nothing of the request", async () => {
  await using server = await rawServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const posted = await post(`https://127.0.0.1:${server.port}/secret`);
  expect(posted).toEqual({ status: null, text: "", code: "network", pulls: 0 });
  expect(server.received.join("")).not.toContain("secret");
});

test.concurrent("a handshake that does not end holds nobody longer than the signal", async () => {
  await using server = await listening(plainServer(() => {}));
  const posted = await post(`https://127.0.0.1:${server.port}/`, { liveMs: 300 });
  expect(posted).toMatchObject({ status: null, pulls: 0 });
});
