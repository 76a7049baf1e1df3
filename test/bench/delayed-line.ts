import net from "node:net";

export interface LineOptions {
  readonly target: string;
  /** Milliseconds that a byte is under way. */
  readonly delayMs: number;
  /** Bytes of one connection that may be under way: with the delay, what one connection can carry. */
  readonly window: number;
}

/** A TCP proxy that carries only so much per connection, as a long line with small windows does. */
export async function delayedLine({
  target,
  delayMs,
  window,
}: LineOptions): Promise<AsyncDisposable & { origin: string }> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (client) => {
    const upstream = net.connect({ host: hostname, port: Number(port), noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => sockets.delete(socket));
    }
    let underWay = 0;
    client.on("data", (chunk: Buffer) => {
      underWay += chunk.length;
      if (underWay >= window) client.pause();
      setTimeout(() => {
        if (!upstream.destroyed) upstream.write(chunk);
        underWay -= chunk.length;
        if (underWay < window) client.resume();
      }, delayMs);
    });
    upstream.on("data", (chunk) => setTimeout(() => client.destroyed || client.write(chunk), delayMs));
    client.on("close", () => upstream.destroy());
    // After the last bytes, which are still under way.
    upstream.on("close", () => setTimeout(() => client.end(), delayMs));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
