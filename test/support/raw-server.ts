import { type AddressInfo, createServer, type Socket } from "node:net";

export interface RawServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Everything received, by connection. */
  readonly received: string[];
}

/** A TCP server that shows what a client puts on the wire; `each` sees a connection's text so far with every chunk. */
export async function rawServer(each: (socket: Socket, text: string, connection: number) => void): Promise<RawServer> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const connection = received.push("") - 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      received[connection] += chunk.toString("latin1");
      each(socket, received[connection] ?? "", connection);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}/`,
    received,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** `count` chunks of `size` bytes through a stream without a queue of its own; `onPull` hears of each demand. */
export function pulledStream(count: number, size: number, onPull: () => void = () => {}): ReadableStream<Uint8Array> {
  let left = count;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        onPull();
        if (left === 0) return controller.close();
        left -= 1;
        controller.enqueue(new Uint8Array(size).fill(120));
      },
    },
    { highWaterMark: 0 },
  );
}

export const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
