import { describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { serve } from "../kit/server.ts";
import { world } from "../kit/world.ts";

/** The server closes after 10 s of silence, looking every few seconds. */
const LATEST_MS = 30_000;

describe("clients that keep a connection for nothing", () => {
  test("are closed, whatever little they send", async () => {
    await using w = await world();
    const s = await serve(w);
    const port = Number(new URL(s.url).port);
    const host = `Host: 127.0.0.1:${port}\r\n`;
    const auth = `Authorization: Bearer ${s.token}\r\n`;
    const post = `POST /v1/jobs HTTP/1.1\r\n${host}${auth}Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n`;
    const clients: readonly (readonly [what: string, first: string, then: string])[] = [
      ["silence", "", ""],
      ["half a head", "GET /healthz HTTP/1.1\r\nHos", ""],
      ["a head that dribbles", "GET /healthz HTTP/1.1\r\nX-A: ", "x"],
      ["a kept connection", `GET /healthz HTTP/1.1\r\n${host}\r\n`, ""],
      ["a body that stops", `${post}{`, ""],
    ];
    const took = await Promise.all(clients.map(async ([what, first, then]) => [what, await closed(port, first, then)]));
    for (const [what, ms] of took) expect([what, ms !== null]).toEqual([what, true]);
    expect((await s.call("GET", "/v1/jobs")).status).toBe(200);
    console.log(`  closed after ms: ${JSON.stringify(Object.fromEntries(took))}`);
  }, 60_000);

  test("a file of 1 GiB passes without memory, and one without end is cut off", async () => {
    await using w = await world();
    await w.run(["account", "pause", "uploadgig"]);
    const s = await serve(w, '[serve]\nmax_spool = "1200M"\n');
    await s.call("GET", "/v1/jobs");
    const before = await peakOf(s.live.pid);
    const put = (mebibytes: number) =>
      Bun.spawn(
        [
          "sh",
          "-c",
          `head -c ${mebibytes}M /dev/zero | curl -s -o /dev/null -w '%{http_code}' -T - "$0" -H "$1"`,
        ].concat([`${s.url}/v1/files/x?to=uploadgig`, `Authorization: Bearer ${s.token}`]),
        { stdout: "pipe" },
      );
    expect(await new Response(put(1024).stdout).text()).toBe("202");
    const grown = (await peakOf(s.live.pid)) - before;
    expect(await new Response(put(100_000).stdout).text()).toBe("413");
    expect((await peakOf(s.live.pid)) - before).toBeLessThan(64);
    console.log(`  grew by ${grown.toFixed(1)} MiB`);
  }, 300_000);
});

/** Milliseconds until the server ended the connection; null: it did not. */
async function closed(port: number, first: string, then: string): Promise<number | null> {
  const began = performance.now();
  const socket: Socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.on("data", () => {});
  const end = new Promise<true>((resolve) => socket.once("close", () => resolve(true)));
  socket.write(first);
  const dribble = setInterval(() => then !== "" && !socket.destroyed && socket.write(then), 500);
  const ended = await Promise.race([end, Bun.sleep(LATEST_MS)]);
  clearInterval(dribble);
  socket.destroy();
  return ended === true ? Math.round(performance.now() - began) : null;
}

/** MiB. */
async function peakOf(pid: number): Promise<number> {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(await Bun.file(`/proc/${pid}/status`).text())?.[1] ?? 0) / 1024;
}
