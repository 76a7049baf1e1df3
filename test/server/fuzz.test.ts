import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { bearer, type Stage, secretOf, stage } from "./fixture.ts";
import { hookOf } from "./hooks/fixture.ts";

/** Longer by hand: HOIST_FUZZ_RUNS=20000 bun test test/server/fuzz.test.ts */
const RUNS = Number(process.env.HOIST_FUZZ_RUNS ?? 300);
const SEED = Number(process.env.HOIST_FUZZ_SEED ?? 42);

const HOOKS = await Promise.all([
  hookOf(
    `[hooks.open]\npath = "$.path"\nto = ["deep:/{payload.title}"]\nroots = ["/srv/out"]\nmethods = ["GET", "POST"]`,
  ),
  hookOf(
    `[hooks.arr]\npreset = "sonarr"\nto = ["deep"]\nroots = ["/srv/out"]\nauth = { bearer = "${secretOf("arr")}" }`,
  ),
]);

let at: Stage;
beforeAll(async () => {
  at = await stage({ hooks: HOOKS, settings: { maxSpool: 10_000 } });
});
afterAll(() => at[Symbol.asyncDispose]());

const PATHS = [
  "/v1/jobs",
  "/v1/jobs/job-1",
  "/v1/jobs/x/cancel",
  "/v1/files/x?to=ulozto",
  "/v1/accounts/ulozto/pause",
  "/hooks/open",
  "/hooks/arr",
  "/healthz",
  "/metrics",
  "/",
  "/v1/jobs?limit=2&label.a=b",
  "/v1/events?job=x",
  "/openapi.json",
];

const noise = fc.string({ unit: "binary", maxLength: 40 }).map((text) => text.replace(/[\r\n]/g, ""));
const path = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...PATHS) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom(...PATHS), fc.webFragments()).map(([start, end]) => `${start}${end}`),
  },
  { weight: 1, arbitrary: fc.webPath().map((text) => text || "/") },
);
const header = fc.tuple(
  fc.constantFrom(
    "Prefer",
    "Accept",
    "Idempotency-Key",
    "Last-Event-ID",
    "Origin",
    "Sec-Fetch-Site",
    "Content-Encoding",
    "Content-Range",
    "X-Odd",
    "webhook-id",
    "Cookie",
  ),
  fc.oneof(noise, fc.constantFrom("wait=0", "text/plain", "key", "0", "null", "same-origin", "gzip")),
);
const body = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc
    .record({
      path: fc.oneof(fc.constant("/srv/out/x"), fc.string()),
      to: fc.oneof(fc.constant(["ulozto"]), fc.anything()),
      labels: fc.anything(),
    })
    .map((value) => JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner)) ?? ""),
  fc
    .record({ eventType: fc.constantFrom("Test", "Download", "x"), path: fc.string(), title: fc.anything() })
    .map((value) => JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner)) ?? ""),
  fc.string({ unit: "binary", maxLength: 200 }),
);
const request = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"),
  path,
  host: fc.oneof({ weight: 8, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: noise }),
  token: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("all", "submit", "read", "arr") },
    { weight: 1, arbitrary: noise },
  ),
  type: fc.constantFrom(
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "application/x+json",
    "",
  ),
  headers: fc.array(header, { maxLength: 4 }),
  body,
  framing: fc.constantFrom("length", "chunked", "short", "both"),
  flip: fc.option(fc.nat(400), { nil: null, freq: 6 }),
});

function bytesOf({
  method,
  path,
  host,
  token,
  type,
  headers,
  body,
  framing,
  flip,
}: typeof request extends fc.Arbitrary<infer T> ? T : never): string {
  const content = Buffer.from(body, "utf8").toString("latin1");
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host ?? at.host}`,
    `Authorization: ${["all", "submit", "read", "arr"].includes(token) ? bearer(token) : token}`,
    ...(type === "" ? [] : [`Content-Type: ${type}`]),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(framing === "chunked" || framing === "both" ? ["Transfer-Encoding: chunked"] : []),
    ...(framing === "chunked" ? [] : [`Content-Length: ${content.length + (framing === "short" ? 3 : 0)}`]),
    "Connection: close",
  ];
  const text =
    framing === "chunked"
      ? `${content.length.toString(16)}\r\n${content}\r\n${content === "" ? "" : "0\r\n\r\n"}`
      : content;
  const whole = `${Buffer.from(lines.join("\r\n"), "utf8").toString("latin1")}\r\n\r\n${text}`;
  if (flip === null || flip >= whole.length) return whole;
  return `${whole.slice(0, flip)}${String.fromCharCode(whole.charCodeAt(flip) ^ 0x15)}${whole.slice(flip + 1)}`;
}

/** The status of an answer; 0 when the connection ended or nothing came: the request was not whole. */
async function statusOf(bytes: string): Promise<number> {
  const socket = await at.open();
  const { promise, resolve } = Promise.withResolvers<number>();
  socket.on("data", (data) => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString("latin1"))?.[1] ?? -1)));
  socket.on("close", () => resolve(0));
  const timer = setTimeout(() => resolve(0), 60);
  socket.write(bytes, "latin1");
  const status = await promise;
  clearTimeout(timer);
  socket.destroy();
  return status;
}

test(
  "no request is a bug or ends the server",
  async () => {
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(request, async (parts) => {
        const bytes = bytesOf(parts);
        const status = await statusOf(bytes);
        seen.set(status, (seen.get(status) ?? 0) + 1);
        expect([bytes, status < 500 || status === 503 || status === 505]).toEqual([bytes, true]);
      }),
      { numRuns: RUNS, seed: SEED },
    );
    expect(at.log.filter(({ event }) => event === "request.failed")).toEqual([]);
    expect((await at.fetch("/v1/jobs")).status).toBe(200);
    // The requests reach the routes at all.
    expect((seen.get(200) ?? 0) + (seen.get(202) ?? 0)).toBeGreaterThan(0);
    expect(seen.size).toBeGreaterThan(5);
  },
  Math.max(20_000, RUNS * 80),
);
