import { createHash } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import type { Fault } from "./fault.ts";
import { bodyReader } from "./framing.ts";
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

const KEPT = 64 * 1024;

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

class Exchange {
  readonly #socket: net.Socket;
  readonly #handler: Handler;
  readonly #seen: Seen;
  readonly #reader;
  readonly #finished: () => void;
  readonly #violations: string[];
  readonly #hash = createHash("md5");
  #kept: Buffer[] = [];
  #bodyEnded = false;
  #answered = false;
  #halted = false;
  #over = false;

  constructor(socket: net.Socket, connection: number, head: Head, options: WireOptions, finished: () => void) {
    this.#socket = socket;
    this.#finished = finished;
    this.#violations = options.violations;
    for (const fault of head.faults) options.violations.push(`${head.method} ${head.path}: ${fault}`);
    this.#handler = options.route(head);
    this.#seen = {
      n: options.seen.length + 1,
      at: performance.now(),
      step: this.#handler.step,
      head,
      tls: options.identity !== undefined,
      connection,
      received: 0,
      complete: false,
      md5: null,
      text: "",
      status: null,
    };
    options.seen.push(this.#seen);
    this.#reader = bodyReader(head.framing, (chunk) => this.#chunk(chunk));
    const fault = this.#handler.fault;
    if (fault?.breakAt === "head" || fault?.breakAt === 0) this.#break();
    else if (fault?.early !== undefined) void this.#answerEarly(fault.early);
  }

  /** Bytes taken of `input`; fewer than given where a fault has to strike at an exact byte. */
  take(input: Buffer): number {
    if (this.#halted || this.#bodyEnded) return 0;
    const fault = this.#handler.fault;
    const stops = [fault?.breakAt, fault?.stallAt, fault?.gateAt].filter(
      (at): at is number => typeof at === "number" && at > this.#seen.received,
    );
    const limit = stops.length === 0 ? input.length : Math.min(input.length, Math.min(...stops) - this.#seen.received);
    const taken = this.#reader.take(input.subarray(0, limit));
    const { received } = this.#seen;
    if (fault?.breakAt === received && received > 0) this.#break();
    else if (fault?.stallAt === received && received > 0) this.#halt();
    else if (fault?.gateAt === received && received > 0 && fault.gate) void this.#hold(fault.gate);
    else if (this.#reader.done) void this.#end();
    return taken;
  }

  #chunk(chunk: Buffer): void {
    const seen = this.#seen;
    if (seen.received + chunk.length <= KEPT) this.#kept.push(Buffer.from(chunk));
    seen.received += chunk.length;
    if (this.#handler.hash !== false) this.#hash.update(chunk);
    if (!this.#answered) this.#handler.body?.(chunk);
  }

  #halt(): void {
    this.#halted = true;
    this.#socket.pause();
  }

  async #hold(gate: NonNullable<Fault["gate"]>): Promise<void> {
    this.#halt();
    gate.arrive();
    await gate.opened;
    this.#halted = false;
    this.#socket.resume();
    // Wakes the pump for bytes that were already taken off the socket.
    this.#socket.emit("data", Buffer.alloc(0));
    if (this.#reader.done) void this.#end();
  }

  async #end(): Promise<void> {
    if (this.#bodyEnded) return;
    this.#bodyEnded = true;
    const seen = this.#seen;
    seen.complete = true;
    seen.md5 = this.#handler.hash === false ? null : this.#hash.digest("hex");
    if (seen.received <= KEPT) seen.text = Buffer.concat(this.#kept).toString("utf8");
    this.#kept = [];
    if (this.#reader.fault !== null) this.#violations.push(`${seen.step}: ${this.#reader.fault}`);
    if (this.#answered) return this.#finished();
    const fault = this.#handler.fault;
    if (fault?.gate && fault.gateAt === "end") {
      fault.gate.arrive();
      await fault.gate.opened;
    }
    if (fault?.breakAt === "end") return this.#break();
    const answer = await this.#compose(fault);
    if (fault?.delayMs !== undefined) await Bun.sleep(fault.delayMs);
    if (fault?.gate && fault.gateAt === "answer") {
      fault.gate.arrive();
      await fault.gate.opened;
    }
    if (fault?.breakAt === "answer" || this.#socket.destroyed) {
      this.#handler.lost?.(seen);
      return this.#break();
    }
    if (fault?.cutAnswerAt !== undefined) this.#handler.lost?.(seen);
    this.#send(answer, fault?.cutAnswerAt);
  }

  async #compose(fault: Fault | null): Promise<Answer> {
    const replaced = fault?.status !== undefined || fault?.body !== undefined;
    const own = !replaced || fault?.effect === true ? await this.#work() : null;
    if (replaced || own === null) {
      if (own !== null) this.#handler.lost?.(this.#seen);
      return { status: fault?.status ?? 200, ...(fault?.headers ? { headers: fault.headers } : {}), body: fault?.body };
    }
    return fault?.change ? { ...own, body: fault.change(own.body) } : own;
  }

  async #work(): Promise<Answer> {
    try {
      return await this.#handler.work(this.#seen);
    } catch (error) {
      this.#violations.push(`${this.#seen.step}: the stand-in failed: ${error}`);
      return { status: 500, body: "<html>Internal error</html>" };
    }
  }

  async #answerEarly(then: "drain" | "close"): Promise<void> {
    this.#answered = true;
    this.#send(await this.#compose(this.#handler.fault));
    if (then === "drain") return;
    this.#halt();
    this.#socket.end(() => this.#socket.destroy());
  }

  #send(answer: Answer, cut?: number): void {
    const text =
      typeof answer.body === "string" ? answer.body : answer.body === undefined ? "" : JSON.stringify(answer.body);
    const body = Buffer.from(text);
    const type = typeof answer.body === "string" ? "text/html; charset=utf-8" : "application/json";
    const close = cut !== undefined || this.#seen.head.header("connection")?.toLowerCase() === "close";
    const head = [
      `HTTP/1.1 ${answer.status} ${answer.status < 300 ? "OK" : "No"}`,
      ...Object.entries({ "Content-Type": type, ...answer.headers }).map(([name, value]) => `${name}: ${value}`),
      `Content-Length: ${body.length}`,
      ...(close ? ["Connection: close"] : []),
    ].join("\r\n");
    this.#seen.status = answer.status;
    this.leave();
    this.#socket.write(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body.subarray(0, cut)]));
    if (close) this.#socket.end();
    if (this.#bodyEnded) this.#finished();
  }

  /** Also when the connection has gone. */
  leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.over?.();
  }

  #break(): void {
    this.#halted = true;
    if (this.#handler.fault?.breakWith === "fin") this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }
}
