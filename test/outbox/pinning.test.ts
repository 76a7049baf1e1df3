import { describe, expect, test } from "bun:test";
import { testAuthority } from "../e2e/stand-in/tls.ts";
import { receiver, stage, view } from "./fixture.ts";

const SECOND = 1000;

describe("the connection of a callback", () => {
  test("goes to the address that was checked, whatever the name means to the system", async () => {
    await using checked = receiver(undefined, "127.0.0.2");
    // Where the name leads to if anybody asks again.
    await using flipped = receiver(undefined, "127.0.0.1", checked.port);
    const url = `http://localhost:${checked.port}/done`;
    await using on = stage({ hosts: ["localhost"], resolve: async () => ["127.0.0.2"] });
    on.store.callbacks.set("job-1", url);
    on.outbox.ended(view());
    await on.store.until(() => on.store.settled.length === 1);
    expect(on.store.settled).toEqual([null]);
    expect(checked.received.map(({ headers }) => headers.get("host"))).toEqual([`localhost:${checked.port}`]);
    expect(flipped.received).toEqual([]);
  });

  test("is not made when the name flips to loopback", async () => {
    let connections = 0;
    using loopback = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open() {
          connections += 1;
        },
        data() {},
      },
    });
    const answers = [["127.0.0.1"], ["127.0.0.1", "93.184.216.34"], ["::ffff:127.0.0.1"], ["169.254.169.254"]];
    let asked = 0;
    await using on = stage({
      hosts: [`http://hook.example:${loopback.port}`],
      resolve: async () => answers[asked++ % answers.length] ?? [],
    });
    on.store.callbacks.set("job-1", `http://hook.example:${loopback.port}/`);
    on.outbox.ended(view());
    for (const [index, wait] of [5, 5 * 60, 30 * 60].entries()) {
      await on.store.until(() => on.store.settled.length === index + 1);
      on.clock.advance(wait * SECOND);
    }
    await on.store.until(() => on.store.settled.length === 4);
    expect(asked).toBe(4);
    expect(connections).toBe(0);
    expect(on.logged[0]).toBe(
      "warn callback: not delivered (the callback's host leads to a private address), trying again in 5 s",
    );
  });

  test("is not made when the configuration takes the host back", async () => {
    await using to = receiver();
    await using on = stage({ hosts: ["ci.example"] });
    on.store.callbacks.set("job-1", `${to.origin}/`);
    on.outbox.ended(view());
    await on.store.until(() => on.store.settled.length === 1);
    expect(on.logged[0]).toContain("the callback's host is not in serve.callback_hosts");
    expect(to.received).toEqual([]);
  });

  test("tries the name's next address when nobody listens at the first", async () => {
    await using to = receiver(undefined, "127.0.0.2");
    await using on = stage({ hosts: ["localhost"], resolve: async () => ["127.0.0.3", "127.0.0.2"] });
    on.store.callbacks.set("job-1", `http://localhost:${to.port}/`);
    on.outbox.ended(view());
    await on.store.until(() => on.store.settled.length === 1);
    expect(to.received).toHaveLength(1);
  });

  test("passes every proxy", async () => {
    await using to = receiver();
    const told = await inChild([`${to.origin}/`, to.origin, "127.0.0.1"], {
      HTTP_PROXY: "http://127.0.0.1:1",
      http_proxy: "http://127.0.0.1:1",
    });
    expect(told).toBe("HTTP 200");
    expect(to.received).toHaveLength(1);
  });

  test.each([
    ["trusted", "HTTP 200"],
    ["otherName", "certificate: "],
    ["untrusted", "certificate: "],
  ] as const)("is judged by the URL's name over TLS: %s", async (which, expected) => {
    const authority = testAuthority();
    const requests: (string | null)[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.2",
      port: 0,
      tls: which === "otherName" ? authority.otherName : authority.trusted,
      fetch(request) {
        requests.push(request.headers.get("host"));
        return new Response();
      },
    });
    try {
      const url = `https://localhost:${server.port}/done`;
      const env = which === "untrusted" ? {} : { NODE_EXTRA_CA_CERTS: authority.caFile };
      // The environment cannot switch the check off either.
      const told = await inChild([url, "localhost", "127.0.0.2"], { ...env, NODE_TLS_REJECT_UNAUTHORIZED: "0" });
      expect(told).toStartWith(expected);
      expect(requests).toEqual(which === "trusted" ? [`localhost:${server.port}`] : []);
    } finally {
      await server.stop(true);
    }
  });
});

async function inChild(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const child = Bun.spawn({
    cmd: [process.execPath, `${import.meta.dir}/child.ts`, ...args],
    env: { PATH: process.env.PATH ?? "", ...env },
    stderr: "ignore",
  });
  return new Response(child.stdout).text();
}
