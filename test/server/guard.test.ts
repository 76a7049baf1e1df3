import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bearer, JSON_TYPE, type Stage, secretOf, stage, submit } from "./fixture.ts";

let at: Stage;
beforeAll(async () => {
  at = await stage({
    settings: { hosts: new Set(["hoist:7411", "proxied.example"]), publicOrigin: "https://hoist.example" },
  });
});
afterAll(() => at[Symbol.asyncDispose]());

const status = (text: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0);

/** The status of a GET with these header lines, besides a good token. */
async function get(lines: readonly string[], path = "/v1/jobs"): Promise<number> {
  const head = [`GET ${path} HTTP/1.1`, `Authorization: ${bearer()}`, "Connection: close", ...lines];
  return status(await at.raw(`${head.join("\r\n")}\r\n\r\n`));
}

describe("Host", () => {
  const cases = (port: number): [number, string[]][] => [
    [200, [`Host: 127.0.0.1:${port}`]],
    [200, [`Host: localhost:${port}`]],
    [200, [`Host: LocalHost:${port}`]],
    [200, [`Host: [::1]:${port}`]],
    [200, ["Host: hoist:7411"]],
    [200, ["Host: proxied.example"]],
    [200, ["Host: hoist.example"]],
    [421, ["Host: 127.0.0.1"]],
    [421, [`Host: 127.0.0.1:${port + 1}`]],
    [421, [`Host: evil.example:${port}`]],
    [421, [`Host: 127.0.0.1.evil.example:${port}`]],
    [421, [`Host: localhost.:${port}`]],
    [421, [`Host: localhost:${port}`, "Host: evil.example"]],
    [421, ["Host: evil.example", `Host: localhost:${port}`]],
    [421, [`Host: evil.example`, `X-Forwarded-Host: localhost:${port}`]],
    [421, [`Host: user@localhost:${port}`]],
    [421, [`Host: localhost:${port}/v1`]],
    [421, ["Host: "]],
    [400, []],
  ];

  test("only the server's own names, whole and once", async () => {
    for (const [expected, lines] of cases(at.port)) expect([lines, await get(lines)]).toEqual([lines, expected]);
  });

  test.each(["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/hooks/x", "/nowhere"])(
    "on every route: %s",
    async (path) => {
      expect(await get(["Host: evil.example"], path)).toBe(421);
    },
  );

  test("a refused value is told once, with what to configure", async () => {
    await get(["Host: twice.example"]);
    await get(["Host: twice.example"]);
    const told = at.log.filter(({ msg }) => String(msg).includes("twice.example"));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ level: "warn", event: "host.refused" });
    expect(told[0]?.msg).toContain("serve.hosts");
  });

  test("HTTP/1.0 without one", async () => {
    expect(await at.raw(`GET /healthz HTTP/1.0\r\n\r\n`)).toContain(" 421 ");
  });
});

describe("Origin and Sec-Fetch-Site", () => {
  const page = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];
  const cases = (port: number): [number, string, string[]][] => [
    [200, "/v1/jobs", [`Origin: http://127.0.0.1:${port}`]],
    [200, "/v1/jobs", ["Origin: https://hoist.example"]],
    [200, "/v1/jobs", ["Sec-Fetch-Site: same-origin"]],
    [200, "/v1/jobs", ["Sec-Fetch-Site: none"]],
    [403, "/v1/jobs", ["Origin: null"]],
    [403, "/v1/jobs", ["Origin: "]],
    [403, "/v1/jobs", [`Origin: http://localhost:${port}`]],
    [403, "/v1/jobs", [`Origin: https://127.0.0.1:${port}`]],
    [403, "/v1/jobs", [`Origin: http://127.0.0.1:${port}.evil.example`]],
    [403, "/v1/jobs", [`Origin: http://127.0.0.1:${port}`, "Origin: https://evil.example"]],
    [403, "/v1/jobs", ["Origin: https://evil.example", "Sec-Fetch-Site: same-origin"]],
    [403, "/v1/jobs", [`Origin: http://127.0.0.1:${port}`, "Sec-Fetch-Site: cross-site"]],
    [403, "/v1/jobs", ["Sec-Fetch-Site: same-site"]],
    [403, "/v1/jobs", ["Sec-Fetch-Site: cross-site"]],
    [403, "/v1/jobs", ["Sec-Fetch-Site: cross-site", ...page]],
    [200, "/", ["Sec-Fetch-Site: cross-site", ...page]],
    [403, "/", ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"]],
    [403, "/", ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: document"]],
    [403, "/", ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site", ...page]],
  ];

  test("other pages are refused", async () => {
    for (const [expected, path, lines] of cases(at.port)) {
      expect([lines, await get([`Host: ${at.host}`, ...lines], path)]).toEqual([lines, expected]);
    }
  });

  test("a proxy's name has its origin alone, a listed one that of the server itself", async () => {
    for (const [expected, host, origin] of [
      [200, "hoist.example", "https://hoist.example"],
      [403, "hoist.example", "http://hoist.example"],
      [200, "proxied.example", "http://proxied.example"],
      [403, "proxied.example", "https://proxied.example"],
    ] as const) {
      const lines = [`Host: ${host}`, `Origin: ${origin}`];
      expect([lines, await get(lines)]).toEqual([lines, expected]);
    }
  });

  test("a form of another page", async () => {
    const body = '{"path":"/srv/out/x","a":"=b"}';
    const head = `POST /v1/jobs HTTP/1.1\r\nHost: ${at.host}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n`;
    const form = `Content-Type: text/plain\r\n`;
    expect(status(await at.raw(`${head}${form}Origin: https://evil.example\r\n\r\n${body}`))).toBe(403);
    expect(status(await at.raw(`${head}${form}Authorization: ${bearer()}\r\n\r\n${body}`))).toBe(415);
  });

  test.each(["/v1/jobs", "/hooks/x", "/", "/nowhere"])("no answer invites another page: %s", async (path) => {
    for (const origin of [`http://${at.host}`, "https://evil.example"]) {
      const headers = { origin, "access-control-request-method": "POST" };
      const response = await at.fetch(path, { method: "OPTIONS", headers });
      const names = [...response.headers.keys()].filter((name) => name.startsWith("access-control"));
      expect(names).toEqual([]);
      expect([403, 404, 405]).toContain(response.status);
    }
  });
});

describe("methods", () => {
  test.each([
    ["/v1/jobs", "PATCH", "GET, HEAD, POST"],
    ["/v1/jobs", "OPTIONS", "GET, HEAD, POST"],
    ["/v1/jobs/x", "POST", "GET, HEAD, DELETE"],
    ["/v1/jobs/x/cancel", "GET", "POST"],
    ["/v1/files/x", "POST", "PUT"],
    ["/v1/events", "HEAD", "GET"],
    ["/v1/accounts/x/pause", "DELETE", "POST"],
    ["/healthz", "POST", "GET, HEAD"],
    ["/", "TRACE", "GET, HEAD"],
  ])("%s does not take %s", async (path, method, allow) => {
    // Without a token: which methods there are is no secret.
    const text = await at.raw(`${method} ${path} HTTP/1.1\r\nHost: ${at.host}\r\nConnection: close\r\n\r\n`);
    expect(status(text)).toBe(405);
    expect(text.toLowerCase()).toContain(`\r\nallow: ${allow.toLowerCase()}\r\n`);
  });

  test.each(["/", "/healthz", "/v1/jobs", "/openapi.json", "/v1/jobs/none"])(
    "HEAD %s is GET without a body",
    async (path) => {
      const [head, get] = await Promise.all(["HEAD", "GET"].map((method) => at.fetch(path, { method })));
      expect(head?.status).toBe(get?.status ?? 0);
      expect(await head?.text()).toBe("");
      expect(head?.headers.get("content-length")).toBe(get?.headers.get("content-length") ?? "");
      expect(Number(head?.headers.get("content-length"))).toBe((await get?.arrayBuffer())?.byteLength ?? 0);
    },
  );
});

describe("tokens", () => {
  test.each([
    ["none", null, "is needed"],
    ["an empty one", "", "is needed"],
    ["another", "Bearer other-secret-that-is-long-enough", "is none of"],
    ["a longer one", `${bearer()}x`, "is none of"],
    ["a shorter one", bearer().slice(0, -1), "is none of"],
    ["another scheme", `Basic ${secretOf("all")}`, "is needed"],
    ["no scheme", secretOf("all"), "is needed"],
    ["two at once", `${bearer()}, ${bearer()}`, "is none of"],
    ["another case", bearer().toUpperCase(), "is none of"],
  ])("%s is 401", async (_, authorization, why) => {
    const headers: Record<string, string> = authorization === null ? {} : { authorization };
    const response = await at.fetch("/v1/jobs", { token: null, headers });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect((await response.json()).detail).toContain(why);
  });

  test("the scheme's letter case does not count", async () => {
    const headers = { authorization: `bEARER ${secretOf("all")}` };
    expect((await at.fetch("/v1/jobs", { token: null, headers })).status).toBe(200);
  });

  test.each([
    ["GET", "/v1/jobs", "read"],
    ["GET", "/v1/jobs/x", "read"],
    ["GET", "/v1/events", "read"],
    ["GET", "/v1/accounts", "read"],
    ["GET", "/metrics", "read"],
    ["GET", "/openapi.json", "read"],
    ["POST", "/v1/jobs", "submit"],
    ["PUT", "/v1/files/x", "submit"],
    ["POST", "/v1/jobs/x/cancel", "manage"],
    ["POST", "/v1/jobs/x/retry", "manage"],
    ["DELETE", "/v1/jobs/x", "manage"],
    ["POST", "/v1/accounts/ulozto/pause", "manage"],
    ["POST", "/v1/accounts/ulozto/resume", "manage"],
  ])("%s %s needs the scope %s", async (method, path, scope) => {
    expect((await at.fetch(path, { method, token: null })).status).toBe(401);
    for (const name of ["submit", "read", "manage"]) {
      const response = await at.fetch(path, { method, token: name });
      if (name === scope) expect([401, 403]).not.toContain(response.status);
      else
        expect(await response.json()).toMatchObject({ status: 403, detail: expect.stringContaining(`scope ${scope}`) });
      await response.body?.cancel().catch(() => {});
    }
  });

  test.each(["/", "/healthz", "/readyz"])("%s is open and tells nothing", async (path) => {
    await submit(at);
    const response = await at.fetch(path, { token: null });
    expect(response.status).toBe(200);
    expect(await response.text()).not.toContain("x.bin");
  });
});

describe("size, type, JSON, shape", () => {
  const LIMIT = 64 * 1024;
  /** A valid request of exactly so many bytes. */
  const sized = (bytes: number) => {
    const body = JSON.stringify({ path: "/srv/out/x.bin", to: ["ulozto"] });
    return body + " ".repeat(bytes - body.length);
  };

  test.each([
    [LIMIT - 1, 202],
    [LIMIT, 202],
    [LIMIT + 1, 413],
    [LIMIT * 4, 413],
  ])("%i bytes → %i, with a length and in chunks", async (bytes, expected) => {
    expect((await submit(at, sized(bytes))).status).toBe(expected);
    const text = sized(bytes);
    const chunked = `POST /v1/jobs HTTP/1.1\r\nHost: ${at.host}\r\nAuthorization: ${bearer()}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
    const half = Math.floor(bytes / 2);
    const chunk = (part: string) => `${part.length.toString(16)}\r\n${part}\r\n`;
    const chunks = `${chunk(text.slice(0, half))}${chunk(text.slice(half))}0\r\n\r\n`;
    expect(status(await at.first(chunked + chunks))).toBe(expected);
  });

  test("a body without end is not read to its end", async () => {
    const before = process.memoryUsage.rss();
    const socket = await at.open();
    let answer = "";
    socket.on("data", (data) => {
      answer += data.toString("latin1");
    });
    socket.write(
      `POST /v1/jobs HTTP/1.1\r\nHost: ${at.host}\r\nAuthorization: ${bearer()}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = `${(1 << 20).toString(16)}\r\n${" ".repeat(1 << 20)}\r\n`;
    const closed = new Promise((resolve) => socket.once("close", resolve));
    for (let sent = 0; sent < 200 && !socket.destroyed; sent += 1) {
      if (!socket.write(chunk)) await Promise.race([closed, new Promise((resolve) => socket.once("drain", resolve))]);
    }
    await closed;
    expect(status(answer)).toBe(413);
    expect(process.memoryUsage.rss() - before).toBeLessThan(120 * 1024 * 1024);
    socket.destroy();
  });

  test.each([
    ["application/json", 202],
    ["application/json; charset=utf-8", 202],
    ["APPLICATION/JSON", 202],
    ["text/plain", 415],
    ["application/x-www-form-urlencoded", 415],
    ["multipart/form-data; boundary=x", 415],
    ["application/jsonx", 415],
    ["text/plain, application/json", 415],
  ])("%s → %i", async (type, expected) => {
    expect((await submit(at, undefined, { "content-type": type })).status).toBe(expected);
  });

  test("no content type at all", async () => {
    const body = JSON.stringify({ path: "/srv/out/x.bin", to: ["ulozto"] });
    const text = await at.raw(
      `POST /v1/jobs HTTP/1.1\r\nHost: ${at.host}\r\nAuthorization: ${bearer()}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
    expect(status(text)).toBe(415);
  });

  test("a compressed body is none that is understood", async () => {
    expect((await submit(at, undefined, { "content-encoding": "gzip" })).status).toBe(415);
  });

  test.each(["", "{", "nonsense", "{}}", "\ufeff{}", '{"path":"\\ud800"'])("%j is no JSON", async (body) => {
    expect((await submit(at, body)).status).toBe(400);
  });

  test("bytes that are no UTF-8", async () => {
    const body = Buffer.concat([Buffer.from('{"path":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    const response = await at.fetch("/v1/jobs", { method: "POST", body, headers: JSON_TYPE });
    expect(response.status).toBe(400);
  });
});

describe("order", () => {
  // Each request breaks every rule from its own on; the first broken one answers.
  const request = (broken: number): string => {
    const ok = (rule: number) => rule < broken;
    const body = !ok(8) ? '{"pat":1}' : '{"path":"/srv/elsewhere/x","to":["ulozto"]}';
    const text = !ok(7) ? "{" : body;
    const big = !ok(5) ? " ".repeat(70_000) : "";
    const lines = [
      `${ok(2) ? "POST" : "PATCH"} /v1/jobs HTTP/1.1`,
      `Host: ${ok(0) ? at.host : "evil.example"}`,
      ...(ok(1) ? [] : ["Origin: https://evil.example"]),
      ...(ok(3) ? [`Authorization: ${bearer(ok(4) ? "submit" : "read")}`] : []),
      `Content-Type: ${ok(6) ? "application/json" : "text/plain"}`,
      `Content-Length: ${text.length + big.length}`,
      "Connection: close",
    ];
    return `${lines.join("\r\n")}\r\n\r\n${text}${big}`;
  };

  test("host, origin, method, token, scope, size, type, JSON, shape, roots", async () => {
    const expected = [421, 403, 405, 401, 403, 413, 415, 400, 400, 422];
    const statuses: number[] = [];
    for (let broken = 0; broken < expected.length; broken += 1) statuses.push(status(await at.raw(request(broken))));
    expect(statuses).toEqual(expected);
  });

  test.each(["999999999999999", "1000000000000000", "9007199254740991"])("%s bytes are too many", async (length) => {
    for (const line of ["POST /v1/jobs", "PUT /v1/files/x.bin?to=ulozto"]) {
      const lines = [`${line} HTTP/1.1`, `Host: ${at.host}`, `Authorization: ${bearer()}`];
      lines.push("Content-Type: application/json", `Content-Length: ${length}`);
      expect([line, status(await at.first(`${lines.join("\r\n")}\r\n\r\nx`))]).toEqual([line, 413]);
    }
  });

  test("no byte of a body is waited for before the token is judged", async () => {
    const head = `POST /v1/jobs HTTP/1.1\r\nHost: ${at.host}\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n`;
    const socket = await at.open();
    const first = new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString("latin1"))));
    socket.write(head);
    expect(status(await first)).toBe(401);
    socket.destroy();
  });
});
