import type { Socket } from "node:net";
import fc from "fast-check";

/** What the routes take. */
const AIMS = [
  ["POST", "/v1/jobs"],
  ["POST", "/v1/jobs"],
  ["GET", "/v1/jobs"],
  ["GET", "/v1/jobs/job-1"],
  ["POST", "/v1/jobs/x/cancel"],
  ["PUT", "/v1/files/x?to=ulozto"],
  ["POST", "/v1/accounts/ulozto/pause"],
  ["POST", "/hooks/open"],
  ["POST", "/hooks/arr"],
  ["GET", "/hooks/open?path=/srv/out/x"],
  ["GET", "/healthz"],
  ["GET", "/metrics"],
  ["GET", "/"],
  ["GET", "/v1/jobs?limit=2&label.a=b"],
  ["GET", "/v1/events?job=x"],
  ["GET", "/v1/events"],
  ["GET", "/openapi.json"],
] as const;
const PATHS = AIMS.map(([, path]) => path);

const noise = fc.string({ unit: "binary", maxLength: 40 }).map((text) => text.replace(/[\r\n]/g, ""));
const path = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...PATHS) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom(...PATHS), fc.webFragments()).map(([start, end]) => `${start}${end}`),
  },
  { weight: 1, arbitrary: fc.webPath().map((text) => text || "/") },
);
const method = fc.constantFrom("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH");
const aim = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...AIMS) },
  { weight: 2, arbitrary: fc.tuple(method, path) },
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
/** The parts of a request, most of them not quite right. */
export const request = fc.record({
  aim,
  host: fc.oneof({ weight: 8, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: noise }),
  token: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("all", "submit", "read", "arr") },
    { weight: 1, arbitrary: noise },
  ),
  type: fc.constantFrom(
    "application/json",
    "application/json",
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "application/x+json",
    "",
  ),
  headers: fc.array(header, { maxLength: 4, size: "-1" }),
  body,
  framing: fc.constantFrom("length", "length", "length", "chunked", "short", "both"),
  flip: fc.option(fc.nat(400), { nil: null, freq: 6 }),
});

/** How the server goes by, and whom it knows: `all`, `submit`, `read` and the hook `arr`. */
export interface Target {
  readonly host: string;
  /** That it lets be named; its requests speak of /srv/out/x. */
  readonly file: string;
  bearer(name: string): string;
}

/** The request as it goes over the wire. */
export function bytesOf(
  at: Target,
  {
    aim: [method, path],
    host,
    token,
    type,
    headers,
    body,
    framing,
    flip,
  }: typeof request extends fc.Arbitrary<infer T> ? T : never,
): string {
  const content = Buffer.from(body.replaceAll("/srv/out/x", at.file), "utf8").toString("latin1");
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host ?? at.host}`,
    `Authorization: ${["all", "submit", "read", "arr"].includes(token) ? at.bearer(token) : token}`,
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
export async function statusOf(socket: Socket, bytes: string, patienceMs: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  socket.on("data", (data) => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString("latin1"))?.[1] ?? -1)));
  socket.on("close", () => resolve(0));
  const timer = setTimeout(() => resolve(0), patienceMs);
  socket.write(bytes, "latin1");
  const status = await promise;
  clearTimeout(timer);
  socket.destroy();
  return status;
}

/** What a hostile request may be answered with: 503 is no room, 505 another HTTP. */
export function isBug(status: number): boolean {
  return status >= 500 && status !== 503 && status !== 505;
}
