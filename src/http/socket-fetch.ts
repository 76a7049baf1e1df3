import { createAnswerParser } from "./answer-parser.ts";

export interface SocketRequest {
  readonly method: "POST";
  /** Content-Length says how long the body is; without it the body is sent in chunks. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ReadableStream<Uint8Array>;
  readonly signal: AbortSignal;
}

/**
 * What `fetch` does for a plain HTTP body, on a connection of its own and without a thread and a copy in between: about
 * half of its CPU time. The body is asked for the next bytes only once the kernel has taken those before. An answer that
 * comes early ends the body. Rejects with the signal's reason, with an error that has the `code` of what the network
 * did, with what the body threw, or with `host_protocol`.
 */
export async function socketFetch(url: string, { method, headers, body, signal }: SocketRequest): Promise<Response> {
  const { hostname, port, host, pathname, search } = new URL(url);
  const exchange = createExchange();
  // For as long as the signal lives: it also ends an answer that is still coming.
  signal.addEventListener("abort", () => exchange.fail(signal.reason), { once: true });
  const reader = body.getReader();
  try {
    signal.throwIfAborted();
    const connecting = Bun.connect({
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? 80 : Number(port),
      socket: exchange.handler,
    });
    // One that stands after all when nobody waits for it any more is of no use.
    connecting.then((late) => exchange.over && late.terminate()).catch(() => {});
    const socket = await Promise.race([connecting, exchange.failed]);
    const chunked = headers["Content-Length"] === undefined;
    const lines = {
      Host: host,
      ...headers,
      Connection: "close",
      ...(chunked ? { "Transfer-Encoding": "chunked" } : {}),
    };
    const head = `${method} ${pathname}${search} HTTP/1.1\r\n${headerLines(lines)}\r\n`;
    const sending = send(exchange, socket, reader, Buffer.from(head, "latin1"), chunked);
    return await Promise.race([exchange.answered, exchange.failed, sending.then(() => exchange.answered)]);
  } catch (error) {
    exchange.fail(error);
    throw error;
  } finally {
    void reader.cancel().catch(() => {});
  }
}

type Socket = Bun.Socket<undefined>;

/** Resolves once everything is handed over, or an answer has come. */
async function send(
  exchange: Exchange,
  socket: Socket,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  head: Uint8Array,
  chunked: boolean,
): Promise<void> {
  await exchange.write(socket, head);
  let listenedAt = performance.now();
  while (!exchange.over) {
    const { done, value } = await reader.read();
    if (done) break;
    if (chunked) await exchange.write(socket, Buffer.from(`${value.byteLength.toString(16)}\r\n`));
    await exchange.write(socket, value);
    if (chunked) await exchange.write(socket, CHUNK_END);
    if (performance.now() - listenedAt < LISTEN_EVERY_MS) continue;
    // A kernel that takes everything at once would keep an early answer, and everybody else, waiting.
    await Bun.sleep(0);
    listenedAt = performance.now();
  }
  if (chunked) await exchange.write(socket, LAST_CHUNK);
}

/** How long sending may go on without a look at what else has happened. */
const LISTEN_EVERY_MS = 100;
const CHUNK_END = Buffer.from("\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

interface Exchange {
  readonly handler: Bun.SocketHandler<undefined>;
  /** Nothing more is to be sent. */
  readonly over: boolean;
  /** Resolves when the kernel has all of it, or when the exchange is over. */
  write(socket: Socket, bytes: Uint8Array): Promise<void>;
  readonly answered: Promise<Response>;
  /** Only ever rejects. */
  readonly failed: Promise<never>;
  fail(error: unknown): void;
}

function createExchange(): Exchange {
  const answered = Promise.withResolvers<Response>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const parser = createAnswerParser();
  let content: ReadableStreamDefaultController<Uint8Array> | null = null;
  let connected: Socket | null = null;
  let drained: (() => void) | null = null;
  let over = false;
  let broken = false;

  const end = () => {
    over = true;
    drained?.();
  };
  const fail = (error: unknown) => {
    if (broken) return;
    broken = true;
    failed.reject(error);
    if (content !== null && !parser.done) content.error(error);
    content = null;
    end();
    connected?.terminate();
  };
  const take = (bytes: Uint8Array, socket: Socket) => {
    if (parser.done) return;
    const body = parser.feed(bytes);
    if (parser.head === null) return;
    if (content === null && !over) {
      end();
      const { status, headers } = parser.head;
      const stream = new ReadableStream<Uint8Array>({
        start: (controller) => {
          content = controller;
        },
        cancel: () => void socket.terminate(),
      });
      answered.resolve(new Response(status === 204 || status === 304 ? null : stream, { status, headers }));
    }
    if (body.byteLength > 0) content?.enqueue(body);
    if (parser.done) finish(socket);
  };
  const finish = (socket: Socket) => {
    content?.close();
    content = null;
    // A host that does not close its side must not keep the process.
    socket.end();
    socket.unref();
  };

  return {
    get over() {
      return over;
    },
    answered: answered.promise,
    failed: failed.promise,
    fail,
    async write(socket, bytes) {
      for (let sent = 0; sent < bytes.byteLength && !over; ) {
        const taken = socket.write(sent === 0 ? bytes : bytes.subarray(sent));
        sent += Math.max(0, taken);
        if (sent === bytes.byteLength || over) return;
        await new Promise<void>((resolve) => {
          drained = resolve;
        });
        drained = null;
      }
    },
    handler: {
      open: (socket) => {
        connected = socket;
        if (over) socket.terminate();
      },
      drain: () => drained?.(),
      data: (socket, bytes) => {
        try {
          take(bytes, socket);
        } catch (error) {
          fail(error);
        }
      },
      close: (socket, error) => {
        if (parser.done) return;
        if (parser.end()) finish(socket);
        else fail(error ?? Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" }));
      },
      connectError: (_, error) => fail(error),
      error: (_, error) => fail(error),
    },
  };
}

function headerLines(headers: Readonly<Record<string, string>>): string {
  // Whoever sets a header has encoded it; a line break here would be a request of its own.
  return Object.entries(headers)
    .map(([name, value]) => {
      if (/[^\x20-\x7e\xa0-\xff\t]/.test(value)) throw new TypeError(`the header ${name} holds what no header can`);
      return `${name}: ${value}\r\n`;
    })
    .join("");
}
