import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { AppError } from "../../../src/errors.ts";
import { signWebhook } from "../../../src/server/signatures.ts";
import { type Stage, secretOf, stage } from "../fixture.ts";
import { fixture, hookOf } from "../hooks/fixture.ts";

const SECRET = "hook-secret-that-is-long-enough";
const KEY = Buffer.alloc(24, 7);

const ROOTS = 'to = ["deep:/In"]\nroots = ["/srv/out"]';
const hooks = {
  sonarr: `preset = "sonarr"\n${ROOTS}\nauth = { basic = { user = "sonarr", password = "${SECRET}" } }`,
  bare: `path = "$.path"\n${ROOTS}\nwhen = [{ at = "$.status", equals = "success" }]`,
  several: `path = "$.files[*]"\nname = "$.title"\n${ROOTS}\nrewrite = [["/downloads", "/srv/out"]]\nauth = { bearer = "${SECRET}" }`,
  signed: `path = "$.path"\n${ROOTS}\nauth = { standard = "whsec_${KEY.toString("base64")}" }`,
  forge: `path = "$.path"\n${ROOTS}\nauth = { github = "${SECRET}" }`,
  link: `path = "$.path"\n${ROOTS}\nmethods = ["GET", "POST"]\nauth = { query_token = "${SECRET}" }`,
};

const compiled = await Promise.all(Object.entries(hooks).map(([name, toml]) => hookOf(`[hooks.${name}]\n${toml}`)));

let at: Stage;
beforeEach(async () => {
  await at?.[Symbol.asyncDispose]();
  at = await stage({ hooks: compiled });
});
afterAll(() => at[Symbol.asyncDispose]());

interface Sent {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly token?: string | null;
  readonly method?: string;
}

function send(name: string, { body = {}, headers = {}, token = null, method = "POST" }: Sent = {}): Promise<Response> {
  const text = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  return at.fetch(`/hooks/${name}`, {
    method,
    token,
    ...(method === "GET" ? {} : { body: text as string }),
    headers: { ...(method === "GET" ? {} : { "content-type": "application/json" }), ...headers },
  });
}

const BASIC = { authorization: `Basic ${Buffer.from(`sonarr:${SECRET}`).toString("base64")}` };
const BEARER = { authorization: `Bearer ${SECRET}` };

function signed(body: string, id: string, { at = Date.now(), key = KEY }: { at?: number; key?: Uint8Array } = {}) {
  const timestamp = Math.floor(at / 1000);
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signWebhook(key, { id, timestamp, body }),
  };
}

describe("who may call a hook", () => {
  test("without proof of its own, a token with the scope submit", async () => {
    const body = { path: "/srv/out/a", status: "success" };
    expect((await send("bare", { body })).status).toBe(401);
    expect((await send("bare", { body, token: "read" })).status).toBe(403);
    const response = await send("bare", { body, token: "submit" });
    expect(response.status).toBe(202);
    expect(at.jobs.added[0]?.submitter).toEqual({
      name: "hook:bare",
      hook: "bare",
      roots: [{ path: "/srv/out", write: false }],
      mayDelete: false,
    });
  });

  test("with its own, no token of the server", async () => {
    expect((await send("several", { token: "all" })).status).toBe(401);
    expect((await send("sonarr", { token: "all" })).status).toBe(401);
    const refused = await send("sonarr");
    expect(refused.headers.get("www-authenticate")).toBe('Basic realm="hoist"');
  });

  test("a name that is none", async () => {
    expect((await send("nope", { token: "all" })).status).toBe(404);
    expect((await send("", { token: "all" })).status).toBe(404);
  });

  test.each([
    ["several", "GET", "POST"],
    ["several", "HEAD", "POST"],
    ["link", "PUT", "GET, POST"],
    ["link", "HEAD", "GET, POST"],
  ])("%s does not take %s", async (name, method, allow) => {
    const response = await at.fetch(`/hooks/${name}?token=${SECRET}`, { method, headers: BEARER });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
    expect(at.jobs.added).toEqual([]);
  });
});

describe("what it makes of a payload", () => {
  test("Sonarr's test is answered 200, and nothing is queued", async () => {
    const response = await send("sonarr", { body: fixture("sonarr-test.json"), headers: BASIC });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ test: "ok" });
    expect(at.jobs.added).toEqual([]);
  });

  test("what does not match when is skipped", async () => {
    const response = await send("bare", { body: { path: "/srv/out/a", status: "canary" }, token: "submit" });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ skipped: "when[0] does not hold ($.status)" });
  });

  test.each([{ status: "success" }, { status: "success", path: "" }, { status: "success", path: 5 }])(
    "%j has no path: 422",
    async (body) => {
      expect((await send("bare", { body, token: "submit" })).status).toBe(422);
    },
  );

  test("several files are a group", async () => {
    const body = { files: ["/downloads/a", "/downloads/b"], title: "both" };
    const response = await send("several", { body, headers: BEARER });
    expect(response.status).toBe(202);
    expect(at.log.find(({ event }) => event === "hook.note")?.msg).toContain("every file keeps its own name");
    expect(at.jobs.added.map(({ request }) => request.name)).toEqual([null, null]);
    expect(await response.json()).toMatchObject({ v: 1, count: 2, jobs: [{ id: "job-1" }, { id: "job-2" }] });
    const groups = at.jobs.added.map(({ request }) => request.group);
    expect(groups[0]).toBeString();
    expect(groups[1]).toBe(groups[0] ?? "");
    expect(at.jobs.added.map(({ request }) => request.path)).toEqual(["/srv/out/a", "/srv/out/b"]);
  });

  test("files without a key come last and together, so that the next try repeats none", async () => {
    const files = ["b", "a", "c"].map((name, index) => ({
      path: `/srv/out/${name}`,
      ...(index === 1 ? { id: 7 } : {}),
    }));
    const message = { body: { eventType: "Download", episodeFiles: files }, headers: BASIC };
    const { addTogether } = at.jobs;
    at.jobs.addTogether = async () => {
      throw new AppError("queue_full", "the queue is full");
    };
    expect((await send("sonarr", message)).status).toBe(429);
    at.jobs.addTogether = addTogether;
    const response = await send("sonarr", message);
    expect(response.status).toBe(202);
    expect((await response.json()).count).toBe(3);
    const queued = at.jobs.added.map(({ request, key }) => [request.path, key !== null]);
    // Its key makes the second try's the first one's job.
    expect(queued.slice(-3)).toEqual([
      ["/srv/out/a", true],
      ["/srv/out/b", false],
      ["/srv/out/c", false],
    ]);
    expect(queued.filter(([, keyed]) => !keyed)).toHaveLength(2);
  });

  test("one that is not there keeps no other out, and the log has both its names", async () => {
    const body = { files: ["/downloads/missing", "/downloads/b"] };
    const response = await send("several", { body, headers: BEARER });
    expect(response.status).toBe(202);
    expect(at.jobs.added).toHaveLength(1);
    const line = at.log.find(({ event }) => event === "hook.refused");
    expect(line?.msg).toContain("/srv/out/missing (sent as /downloads/missing)");
    const none = await send("several", { body: { files: ["/downloads/missing"] }, headers: BEARER });
    expect(none.status).toBe(422);
    expect(await none.text()).not.toContain("downloads");
  });

  test.each([
    ["bare", { status: "success", other: "/srv/out/canary" }, 422, "paths are looked for at $.path"],
    ["sonarr", { eventType: "Download", note: "canary" }, 422, "paths are looked for where sonarr has them"],
    ["bare", "[canary", 400, ""],
  ])("%s %j is refused with %i, and the log says why without a word of it", async (name, body, status, words) => {
    const response = await send(name, { body, ...(name === "bare" ? { token: "submit" } : { headers: BASIC }) });
    expect(response.status).toBe(status);
    const line = at.log.find(({ event }) => event === "hook.refused");
    expect(line).toMatchObject({ level: "warn", hook: name, requestId: response.headers.get("x-request-id") });
    expect(line?.msg).toContain(words);
    expect(JSON.stringify(at.log)).not.toContain("canary");
  });

  test("braces in a name are no template", async () => {
    const hook = await hookOf(`[hooks.named]\npath = "$.path"\nname = "$.name"\n${ROOTS}`);
    const roots = [{ path: "/srv/out", write: false }];
    const submitter = { name: "hook:named", hook: "named", roots, mayDelete: false };
    at.settings = { ...at.settings, hooks: new Map([["named", { hook, submitter }]]) };
    await send("named", { body: { path: "/srv/out/a", name: "{rand:8} {{x}}" }, token: "submit" });
    expect(at.jobs.added[0]?.request.name).toBe("{{rand:8}} {{{{x}}}}");
  });

  test.each([
    ["text/plain", 415],
    ["multipart/form-data; boundary=x", 415],
    ["application/json", 202],
    ["application/vnd.forge+json", 202],
  ])("%s → %i", async (type, expected) => {
    const headers = { ...BEARER, "content-type": type };
    expect((await send("several", { body: { files: ["/downloads/a"] }, headers })).status).toBe(expected);
  });

  test("a form, and a query where GET is taken", async () => {
    const form = { ...BEARER, "content-type": "application/x-www-form-urlencoded" };
    expect(
      (await send("several", { body: "files=%2Fdownloads%2Fa&files=%2Fdownloads%2Fb", headers: form })).status,
    ).toBe(202);
    expect((await at.fetch(`/hooks/link?token=${SECRET}&path=/srv/out/q`, { token: null })).status).toBe(202);
    expect((await at.fetch("/hooks/link?token=wrong&path=/srv/out/q", { token: null })).status).toBe(401);
    expect(JSON.stringify(at.log)).not.toContain(SECRET);
  });

  test("a body must say what it is, also where the query may be all there is", async () => {
    const post = (body: Uint8Array<ArrayBuffer>) =>
      at.fetch(`/hooks/link?token=${SECRET}&path=/srv/out/q`, { method: "POST", token: null, body });
    expect((await post(new Uint8Array())).status).toBe(202);
    const untold = await post(new TextEncoder().encode('{"path":"/srv/out/q"}'));
    expect([untold.status, (await untold.json()).code]).toEqual([415, "unsupported_type"]);
  });

  test("64 KiB and no more, in chunks too", async () => {
    const sized = (bytes: number) => `{"files":["/downloads/a"]}${" ".repeat(bytes - 26)}`;
    for (const [bytes, expected] of [
      [65_536, 202],
      [65_537, 413],
    ] as const) {
      expect((await send("several", { body: sized(bytes), headers: BEARER })).status).toBe(expected);
      const text = sized(bytes);
      const head = `POST /hooks/several HTTP/1.1\r\nHost: ${at.host}\r\nAuthorization: Bearer ${SECRET}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
      const answer = await at.first(`${head}${bytes.toString(16)}\r\n${text}\r\n0\r\n\r\n`);
      expect(answer).toContain(` ${expected} `);
    }
  });
});

describe("an Idempotency-Key", () => {
  const keyed = (body: unknown, key = "k") => send("several", { body, headers: { ...BEARER, "idempotency-key": key } });
  const two = { files: ["/downloads/a", "/downloads/b"], title: "both" };

  test("with the same body gives the same jobs, however it is written", async () => {
    const first = await keyed(two);
    expect(first.status).toBe(202);
    const again = await keyed(`{ "title": "both", "files": ["/downloads/a", "/downloads/b"] }`);
    expect(again.status).toBe(200);
    const ids = async (response: Response) => (await response.json()).jobs.map(({ id }: { id: string }) => id);
    expect(await ids(again)).toEqual(await ids(first));
  });

  test.each([
    [{ files: ["/downloads/c"] }],
    [{ files: ["/downloads/a"] }],
    [{ ...two, title: "other" }],
    [{ files: ["/downloads/b", "/downloads/a"], title: "both" }],
    ["files=%2Fdownloads%2Fc&files=%2Fdownloads%2Fd"],
  ])("with another body is refused, and nothing is queued: %j", async (other) => {
    await keyed(two);
    const form = typeof other === "string" ? { "content-type": "application/x-www-form-urlencoded" } : {};
    const headers = { ...BEARER, ...form, "idempotency-key": "k" };
    const response = await send("several", { body: other, headers });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: "unprocessable" });
    expect((await at.fetch("/v1/jobs", { token: "read" }).then((page) => page.json())).jobs).toHaveLength(2);
    expect((await send("several", { body: other, headers: { ...headers, "idempotency-key": "k2" } })).status).toBe(202);
  });

  test("is not used up by a request that queued nothing", async () => {
    expect((await keyed({ files: ["/downloads/missing"] })).status).toBe(422);
    expect((await keyed({ files: ["/downloads/a"] })).status).toBe(202);
  });

  test("is a hook's own", async () => {
    await keyed({ files: ["/downloads/a"] });
    const headers = { "idempotency-key": "k" };
    const body = { path: "/srv/out/b", status: "success" };
    expect((await send("bare", { body, headers, token: "submit" })).status).toBe(202);
  });

  test("covers the query where that is what is said", async () => {
    const by = (query: string) =>
      at.fetch(`/hooks/link?token=${SECRET}&${query}`, { token: null, headers: { "idempotency-key": "k" } });
    expect((await by("path=/srv/out/a")).status).toBe(202);
    expect((await by("path=/srv/out/a")).status).toBe(200);
    expect((await by("path=/srv/out/b")).status).toBe(422);
  });
});

describe("signed", () => {
  const BODY = '{"path":"/srv/out/a"}';

  test("the same message twice is 202, then 200 with the same job", async () => {
    const headers = signed(BODY, "msg_1");
    const first = await send("signed", { body: BODY, headers });
    expect(first.status).toBe(202);
    const again = await send("signed", { body: BODY, headers });
    expect(again.status).toBe(200);
    expect((await again.json()).id).toBe((await first.json()).id);
  });

  test("its id with another body, which only its sender can sign, is refused", async () => {
    const other = '{"path":"/srv/out/b"}';
    expect((await send("signed", { body: BODY, headers: signed(BODY, "msg_1") })).status).toBe(202);
    const response = await send("signed", { body: other, headers: signed(other, "msg_1") });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: "unprocessable" });
    expect((await send("signed", { body: other, headers: signed(other, "msg_2") })).status).toBe(202);
    expect((await send("signed", { body: BODY, headers: signed(BODY, "msg_1") })).status).toBe(200);
  });

  test("nor with a key that the signature does not cover", async () => {
    const headers = signed(BODY, "msg_1");
    await send("signed", { body: BODY, headers });
    const replayed = await send("signed", { body: BODY, headers: { ...headers, "idempotency-key": "new" } });
    expect(replayed.status).toBe(401);
    expect(at.jobs.added).toHaveLength(1);
  });

  test("a sender's own key is one it may repeat", async () => {
    const headers = { ...signed(BODY, "msg_2"), "idempotency-key": "mine" };
    expect((await send("signed", { body: BODY, headers })).status).toBe(202);
    expect((await send("signed", { body: BODY, headers })).status).toBe(200);
  });

  test.each([
    ["nothing", () => ({})],
    ["another key", () => signed(BODY, "m", { key: Buffer.alloc(24, 8) })],
    ["another body", () => signed(`${BODY} `, "m")],
    ["an old clock", () => signed(BODY, "m", { at: Date.now() - 302_000 })],
    ["a fast clock", () => signed(BODY, "m", { at: Date.now() + 302_000 })],
    ["another id", () => ({ ...signed(BODY, "m"), "webhook-id": "n" })],
    ["no signature", () => ({ ...signed(BODY, "m"), "webhook-signature": "" })],
    ["a token", () => ({ authorization: `Bearer ${secretOf("all")}` })],
  ] as [string, () => Record<string, string>][])("%s: the one 401", async (_, headers) => {
    const response = await send("signed", { body: BODY, headers: headers() });
    expect(response.status).toBe(401);
    expect((await response.json()).detail).toBe("the request does not prove where it comes from");
    expect(at.jobs.added).toEqual([]);
  });

  test("the signature is judged before the JSON, the type before the signature", async () => {
    expect((await send("signed", { body: "{" })).status).toBe(401);
    expect((await send("signed", { body: "{", headers: signed("{", "m") })).status).toBe(400);
    expect((await send("signed", { body: BODY, headers: { "content-type": "text/plain" } })).status).toBe(415);
    expect((await send("signed", { body: " ".repeat(70_000) })).status).toBe(413);
  });

  test("GitHub's scheme, its delivery once", async () => {
    const headers = {
      "x-hub-signature-256": `sha256=${createHmac("sha256", SECRET).update(BODY).digest("hex")}`,
      "x-github-delivery": "d-1",
    };
    expect((await send("forge", { body: BODY, headers })).status).toBe(202);
    expect((await send("forge", { body: BODY, headers })).status).toBe(200);
    expect((await send("forge", { body: `${BODY} `, headers })).status).toBe(401);
  });

  test.each(["x-github-delivery", "x-gitea-delivery", "x-forgejo-delivery"])(
    "%s with another body: 422",
    async (name) => {
      const deliver = (body: string, id: string) => {
        const mac = createHmac("sha256", SECRET).update(body).digest("hex");
        return send("forge", { body, headers: { "x-hub-signature-256": `sha256=${mac}`, [name]: id } });
      };
      const other = '{"path":"/srv/out/b"}';
      expect((await deliver(BODY, "d-1")).status).toBe(202);
      expect((await deliver(other, "d-1")).status).toBe(422);
      expect((await deliver(other, "d-2")).status).toBe(202);
    },
  );
});
