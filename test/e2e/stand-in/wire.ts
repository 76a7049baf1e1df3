import net from "node:net";
import tls from "node:tls";
import { Exchange } from "./exchange.ts";
import type { Fault } from "./fault.ts";
import { type Head, parseHead } from "./head.ts";
import type { ServerIdentity } from "./tls.ts";

/** One request as it came in and what became of it. */
export interface Seen {
  readonly n: number;
  /** Milliseconds on the monotonic clock. */
  readonly at: number;
  readonly step: string;
  readonly head: Head;
  readonly tls: boolean;
  /** Number of its connection on this server. */
  readonly connection: number;
  /** Body bytes after unchunking. */
  received: number;
  /** The whole body came. */
  complete: boolean;
  /** Of the raw body, once it is complete; null where nobody wants it. */
  md5: string | null;
  /** The body where it is short (64 KiB), as UTF-8. */
  text: string;
  /** Sent back, or null where the connection ended without an answer. */
  status: number | null;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: unknown;
}

/** What a host does with one request. */
export interface Handler {
  readonly step: string;
  readonly fault: Fault | null;
  /** False: the raw body's MD5 is not wanted. */
  readonly hash?: boolean;
  /** Takes the body as it comes. */
  body?(chunk: Buffer): void;
  /** The step's work, after the whole body is there. */
  work(seen: Seen): Answer | Promise<Answer>;
  /** The answer to this request will not be read by the client, although the work is done. */
  lost?(seen: Seen): void;
  /** The exchange is over: answered, broken or given up by the client. Called once. */
  over?(): void;
}

export interface WireOptions {
  readonly identity?: ServerIdentity | undefined;
  readonly seen: Seen[];
  readonly violations: string[];
  route(head: Head): Handler;
}

export interface Wire extends AsyncDisposable {
  readonly origin: string;
  readonly port: number;
  /** Connections accepted so far, with or without a request on them. */
  readonly connections: number;
}

/** An HTTP/1.1 server on bare sockets: it sees every byte, and every connection can be broken at any of them. */
export async function listen(options: WireOptions): Promise<Wire> {
  const open = new Set<net.Socket>();
  let connections = 0;
  const accept = (socket: net.Socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    serve(socket, connections, options);
  };
  const server = options.identity
    ? tls.createServer({ key: options.identity.key, cert: options.identity.cert }, accept)
    : net.createServer({ noDelay: true }, accept);
  // Also those whose TLS handshake fails; comes before `accept`.
  server.on("connection", () => {
    connections += 1;
  });
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    origin: `${options.identity ? "https" : "http"}://127.0.0.1:${port}`,
    port,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Runs the exchanges of one connection, one after the other. */
function serve(socket: net.Socket, connection: number, options: WireOptions): void {
  let pending: Buffer = Buffer.alloc(0);
  let exchange: Exchange | null = null;
  const pump = () => {
    while (!socket.destroyed) {
      if (exchange === null) {
        const end = pending.indexOf("\r\n\r\n");
        if (end === -1) return;
        const head = parseHead(pending.subarray(0, end));
        pending = pending.subarray(end + 4);
        exchange = new Exchange(socket, connection, head, options, () => {
          exchange = null;
          queueMicrotask(pump);
        });
      }
      const taken = exchange.take(pending);
      pending = pending.subarray(taken);
      if (exchange === null || taken === 0) return;
    }
  };
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    pump();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => exchange?.leave());
}
