import { expect, test } from "bun:test";
import { connect } from "node:net";
import { Hono } from "hono";
import type { SandboxEnv } from "../../src/hosts/sandbox.ts";
import { rawChunks } from "../../src/hosts/sandbox-receive.ts";
import { startSandbox } from "../../src/hosts/sandbox-server.ts";

/** A host of one step that says how much it received. */
function start(...faults: string[]) {
  let worked = 0;
  const host = {
    sandbox: async () => ({
      faults: { work: ["odd"] },
      environment: (url: string) => ({ URL: url }),
      app: (
        kit: Parameters<Awaited<ReturnType<Parameters<typeof startSandbox>[0]["hosts"][string]["sandbox"]>>["app"]>[0],
      ) =>
        new Hono<SandboxEnv>().all("/work", kit.step("work"), async (c) => {
          const { size } = await kit.store.put(rawChunks(c.req.raw));
          worked += 1;
          return c.json({ size, fault: c.get("fault"), padding: "x".repeat(100) });
        }),
    }),
  };
  return startSandbox({ hosts: { host }, port: 0, faults, storeDir: null }).then((server) =>
    Object.assign(server, { worked: () => worked }),
  );
}

const post = (origin: string, body: string = "hello") =>
  fetch(`${origin}/work?x=1`, { method: "POST", body, redirect: "manual", keepalive: false });

test("a step works, and hands its own faults to the route", async () => {
  await using server = await start("work=odd");
  expect(await (await post(server.origin)).json()).toMatchObject({ size: 5, fault: "odd" });
  expect(await (await post(server.origin)).json()).toMatchObject({ size: 5, fault: null });
  expect((await fetch(`${server.origin}/nothing`)).status).toBe(404);
});

test.each(["503", "early-413", "404"])("%s is answered without doing the step", async (fault) => {
  await using server = await start(`work=${fault}`);
  expect((await post(server.origin, "x".repeat(1_000_000))).status).toBe(Number(fault.replace("early-", "")));
  expect(server.worked()).toBe(0);
});

test("a status may come with Retry-After", async () => {
  await using server = await start("work=429+7");
  expect((await post(server.origin)).headers.get("retry-after")).toBe("7");
});

test("html is a page, truncated is half of what was to be said", async () => {
  await using server = await start("work=html", "work=truncated");
  expect((await post(server.origin)).headers.get("content-type")).toStartWith("text/html");
  const cut = await (await post(server.origin)).text();
  expect(cut).toStartWith('{"size":5');
  expect(() => JSON.parse(cut)).toThrow();
  expect(server.worked()).toBe(1);
});

test("redirect leads back to the same address, which then works", async () => {
  await using server = await start("work=redirect");
  const answer = await post(server.origin);
  expect([answer.status, answer.headers.get("location")]).toEqual([307, "/work?x=1"]);
  expect((await post(server.origin)).status).toBe(200);
});

test.each([
  ["reset", 0],
  ["lost", 1],
])("%s breaks the connection; the step was done %i times", async (fault, times) => {
  await using server = await start(`work=${fault}`);
  await expect(post(server.origin, "x".repeat(3_000_000))).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(server.worked()).toBe(times);
  expect((await post(server.origin)).status).toBe(200);
});

test.each(["hang", "stall"])(
  "%s ends when the client goes away, and does not keep the server from stopping",
  async (fault) => {
    await using server = await start(`work=${fault}:*`);
    const gone = new AbortController();
    const waiting = fetch(`${server.origin}/work`, { method: "POST", body: "hello", signal: gone.signal });
    const other = post(server.origin);
    other.catch(() => {});
    setTimeout(() => gone.abort(), 50);
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
    await server.stop();
    await expect(other).rejects.toThrow();
    expect(server.worked()).toBe(0);
  },
);

test("slow reads at a mebibyte a second", async () => {
  await using server = await start("work=slow");
  const before = performance.now();
  expect(await (await post(server.origin, "x".repeat(200_000))).json()).toMatchObject({ size: 200_000 });
  expect(performance.now() - before).toBeGreaterThan(1100);
});

test("a client that breaks off mid-body leaves the server working", async () => {
  await using server = await start();
  const { hostname, port } = new URL(server.origin);
  const socket = connect(Number(port), hostname);
  socket.write("POST /work HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nabc");
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.destroy();
  expect((await post(server.origin)).status).toBe(200);
  expect(server.worked()).toBe(1);
});

test("only names of this machine are served", async () => {
  await using server = await start();
  const status = async (host: string) => (await fetch(`${server.origin}/work`, { headers: { Host: host } })).status;
  expect(await status("rebound.example")).toBe(421);
  expect(await status(`localhost:${new URL(server.origin).port}`)).toBe(200);
});

test("it listens on loopback alone, and says when it cannot", async () => {
  await using server = await start();
  const { port } = new URL(server.origin);
  expect(server.origin).toStartWith("http://127.0.0.1:");
  expect(server.environment).toEqual({ URL: server.origin });
  await expect(startSandbox({ hosts: {}, port: Number(port), faults: [], storeDir: null })).rejects.toMatchObject({
    code: "state",
  });
  await expect(start("work=never")).rejects.toMatchObject({ code: "usage" });
});
