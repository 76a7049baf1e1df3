import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { reach } from "../../src/http/reach.ts";

const never = new AbortController().signal;

test("a host that listens is reached without a byte being sent", async () => {
  let bytes = 0;
  const hungUp = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.on("data", (chunk) => {
      bytes += chunk.length;
    });
    socket.on("close", () => hungUp.resolve());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  expect(await reach(`http://127.0.0.1:${port}/any/path`, 5000, never)).toBeGreaterThanOrEqual(0);
  await hungUp.promise;
  expect(bytes).toBe(0);
  server.close();
});

test("a refused connection, a silent host and a stop are told apart", async () => {
  await expect(reach("http://127.0.0.1:1", 5000, never)).rejects.toMatchObject({ code: "network" });
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as { port: number };
  await expect(reach(`https://127.0.0.1:${port}`, 50, never)).rejects.toMatchObject({ code: "timeout" });
  await expect(reach(`https://127.0.0.1:${port}`, 5000, AbortSignal.timeout(20))).rejects.toMatchObject({
    code: "cancelled",
  });
  silent.close();
});
