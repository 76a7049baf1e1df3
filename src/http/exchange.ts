import { createAnswerParser } from "./answer-parser.ts";
import { decoded } from "./content-coding.ts";

export type ExchangeSocket = Bun.Socket<undefined>;

/** One request's bytes and one answer on a connection that is closed after it. */
export interface Exchange {
  readonly handler: Bun.SocketHandler<undefined>;
  /** Resolves when the connection stands and, where it is secure, the server has proved who it is. */
  readonly ready: Promise<void>;
  /** Nothing more is to be sent. */
  readonly over: boolean;
  /** Resolves when the kernel has all of it, or when the exchange is over. */
  write(socket: ExchangeSocket, bytes: Uint8Array): Promise<void>;
  readonly answered: Promise<Response>;
  /** Only ever rejects. */
  readonly failed: Promise<never>;
  fail(error: unknown): void;
}

/** Fails with what the network or the handshake came to, which has a `code`, or with `host_protocol`. */
export function createExchange(secure: boolean): Exchange {
  const ready = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<Response>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const parser = createAnswerParser();
  let content: ReadableStreamDefaultController<Uint8Array> | null = null;
  let connected: ExchangeSocket | null = null;
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
  const take = (bytes: Uint8Array, socket: ExchangeSocket) => {
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
      const empty = status === 204 || status === 304 || (parser.done && body.byteLength === 0);
      answered.resolve(new Response(empty ? null : decoded(stream, headers), { status, headers }));
    }
    if (body.byteLength > 0) content?.enqueue(body);
    if (parser.done) finish(socket);
  };
  const handshake = (_: ExchangeSocket, success: boolean, error: Error | null) => {
    if (success && error === null) ready.resolve();
    else fail(error ?? Object.assign(new Error("no secure connection"), { code: "ERR_SSL" }));
  };
  const finish = (socket: ExchangeSocket) => {
    content?.close();
    content = null;
    // Not `end`: with TLS it waits for a host to close its side, for ever, and nothing ends the socket after it.
    socket.close();
  };

  return {
    get over() {
      return over;
    },
    ready: ready.promise,
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
        else if (!secure) ready.resolve();
      },
      ...(secure ? { handshake } : {}),
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
