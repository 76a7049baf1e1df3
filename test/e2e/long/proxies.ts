import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, createHmac } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { Webhook } from "standardwebhooks";
import type { Json } from "../kit/lines.ts";
import { freePort, NAME, type ProxyKind, startProxy } from "../kit/proxies.ts";
import { type Served, serve } from "../kit/server.ts";
import { type World, world } from "../kit/world.ts";

const CHROMIUM = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
const BIG = 200 * 1024 ** 2;
const SIGNING_KEY = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;
const GITHUB_KEY = "a-shared-secret-of-github";

const KINDS: readonly ProxyKind[] = [
  { program: "nginx", scheme: "https" },
  { program: "nginx", scheme: "http" },
  { program: "caddy", scheme: "https" },
  { program: "caddy", scheme: "http" },
];

/** Debian keeps nginx out of a user's path. */
const installed = (program: string) => Bun.which(program, { PATH: `${process.env.PATH}:/usr/sbin` }) !== null;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The server of a world behind a proxy, and curl in front of it. */
interface Proxied extends AsyncDisposable {
  readonly w: World;
  readonly s: Served;
  readonly url: string;
  readonly port: number;
  curl(path: string, ...args: string[]): Promise<Answer>;
  /** curl with the token. */
  asked(path: string, ...args: string[]): Promise<Answer>;
  /** What a client reads until `enough` holds, and after how long. */
  streamed(path: string, enough: (text: string) => boolean): Promise<{ text: string; ms: number }>;
}

async function behind(kind: ProxyKind): Promise<Proxied> {
  const w = await world();
  const port = freePort();
  const url = `${kind.scheme}://${NAME}:${port}`;
  const s = await serve(
    w,
    `[serve]\npublic_url = "${url}"
[hooks.signed]\npath = "$.path"\nto = ["uploadgig"]\nauth = { standard = "${SIGNING_KEY}" }
[hooks.forge]\npath = "$.path"\nto = ["uploadgig"]\nauth = { github = "${GITHUB_KEY}" }`,
  );
  const cert = join(w.dir, "proxy.pem");
  const key = join(w.dir, "proxy.key");
  const made = Bun.spawnSync(
    `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${NAME}
     -addext subjectAltName=DNS:${NAME} -keyout ${key} -out ${cert}`.split(/\s+/),
  );
  expect(made.exitCode).toBe(0);
  const upstream = new URL(s.url).host;
  const proxy = await startProxy(kind, { directory: join(w.dir, "proxy"), port, upstream, cert, key });
  const command = (path: string, args: readonly string[]) => [
    ...["curl", "-sS", "--http1.1", "--max-time", "120", "--noproxy", "*"],
    ...["--resolve", `*:${port}:127.0.0.1`, "--cacert", cert, ...args],
    path.startsWith("http") ? path : `${url}${path}`,
  ];
  const token = ["-H", `Authorization: Bearer ${s.token}`];
  const curl: Proxied["curl"] = async (path, ...args) => {
    const child = Bun.spawn(command(path, ["-w", "\n%{http_code}", ...args]), { stdout: "pipe", stderr: "pipe" });
    const text = await new Response(child.stdout).text();
    const end = text.lastIndexOf("\n");
    return { status: Number(text.slice(end + 1)), body: text.slice(0, end) };
  };
  return {
    w,
    s,
    url,
    port,
    curl,
    asked: (path, ...args) => curl(path, ...token, ...args),
    async streamed(path, enough) {
      const began = performance.now();
      const child = Bun.spawn(command(path, ["-N", ...token]), { stdout: "pipe", stderr: "ignore" });
      const decoder = new TextDecoder();
      let text = "";
      const read = (async () => {
        for await (const chunk of child.stdout as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
          text += decoder.decode(chunk, { stream: true });
        }
      })();
      // What is looked for may be known later than it has come.
      while (!enough(text) && child.exitCode === null) await Bun.sleep(5);
      child.kill();
      await Promise.all([child.exited, read]);
      return { text, ms: performance.now() - began };
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await w[Symbol.asyncDispose]();
    },
  };
}

const JSON_BODY = ["-H", "Content-Type: application/json"];

for (const kind of KINDS) {
  const name = `behind ${kind.program}, ${kind.scheme}`;
  const absent = installed(kind.program) ? null : `${kind.program} is not installed`;
  describe.skipIf(absent !== null)(absent === null ? name : `${name} (skipped: ${absent})`, () => {
    let p: Proxied;
    beforeAll(async () => {
      p = await behind(kind);
    }, 60_000);
    afterAll(async () => {
      p.w.expectClean();
      await p[Symbol.asyncDispose]();
    });

    test("jobs are queued, waited for and listed", async () => {
      const path = p.w.file("a & b.bin", 30_000);
      const order = JSON.stringify({ path, to: ["ulozto:/P"] });
      const queued = await p.asked("/v1/jobs", ...JSON_BODY, "-d", order);
      expect(queued.status).toBe(202);
      const waited = await p.asked("/v1/jobs", ...JSON_BODY, "-H", "Prefer: wait=30", "-d", order);
      expect(waited.status).toBe(200);
      expect(JSON.parse(waited.body).state).toBe("done");
      // Longer than a silent connection may live.
      const later = JSON.stringify({ path, to: ["ulozto:/P"], notBefore: new Date(Date.now() + 15_000) });
      const long = await p.asked("/v1/jobs", ...JSON_BODY, "-H", "Prefer: wait=40", "-d", later);
      expect(long.status).toBe(200);
      const { jobs } = JSON.parse((await p.asked("/v1/jobs?limit=1")).body);
      expect(jobs).toHaveLength(1);
    }, 90_000);

    test("a file of 200 MB arrives whole, and one without a token is refused", async () => {
      const bytes = Buffer.alloc(BIG, createHash("sha256").update(name).digest());
      const file = join(p.w.dir, "big.bin");
      writeFileSync(file, bytes);
      for (let n = 0; n < 10; n += 1) {
        const { status } = await p.curl("/v1/files/?to=ulozto:/P", "-T", file);
        // Caddy may close while curl still sends, and curl never sees the answer.
        if (kind.program === "nginx") expect(status).toBe(401);
        else expect([100, 401]).toContain(status);
      }
      const { status, body } = await p.asked("/v1/files/?to=ulozto:/P", "-T", file);
      expect(status).toBe(202);
      const job = await p.s.ended(JSON.parse(body).id);
      expect(job.uploads).toMatchObject([
        { state: "done", name: "big.bin", size: BIG, md5: createHash("md5").update(bytes).digest("hex") },
      ]);
    }, 180_000);

    test("the bytes that a hook signed arrive as they were", async () => {
      const path = p.w.file("žluť.bin", 1_000);
      const payload = `{ "path":\t${JSON.stringify(path)},\r\n  "n": 1.0, "é": "\\u00e9" }\n`;
      const at = new Date();
      const signed = (id: string, text: string) => [
        ...JSON_BODY,
        ...["-H", `webhook-id: ${id}`, "-H", `webhook-timestamp: ${Math.floor(at.getTime() / 1000)}`],
        ...["-H", `webhook-signature: ${new Webhook(SIGNING_KEY).sign(id, at, text)}`],
      ];
      const data = ["--data-binary", payload];
      const taken = await p.curl("/hooks/signed", ...signed("m1", payload), ...data);
      expect(taken.status).toBe(202);
      const job = JSON.parse(taken.body);
      const again = await p.curl("/hooks/signed", ...signed("m1", payload), ...data);
      expect([again.status, JSON.parse(again.body).id]).toEqual([200, job.id]);
      expect((await p.curl("/hooks/signed", ...signed("m2", `${payload} `), ...data)).status).toBe(401);
      const hub = `sha256=${createHmac("sha256", GITHUB_KEY).update(payload).digest("hex")}`;
      const forge = ["-H", "X-GitHub-Delivery: d1", "-H", `X-Hub-Signature-256: ${hub}`];
      expect((await p.curl("/hooks/forge", ...JSON_BODY, ...forge, ...data)).status).toBe(202);
    });

    test("events come at once, and a reader that went away is noticed", async () => {
      let job: Json = null;
      const reading = p.streamed("/v1/events", (text) => job !== null && text.includes(job.id));
      await Bun.sleep(1_000);
      const added = performance.now();
      job = await p.s.add(p.w.file("event.bin", 10), ["ulozto:/P"]);
      const { text } = await reading;
      expect(text).toContain("event: job.state");
      // A proxy that gathers answers would hold it until the next heartbeat at least.
      expect(performance.now() - added).toBeLessThan(10_000);
      // More than there may be at once: none of them is still held.
      for (let n = 0; n < 80; n += 1) {
        const { text: first } = await p.streamed("/v1/events", (read) => read.includes("\n\n"));
        expect(first).toStartWith("retry: ");
      }
    }, 120_000);

    test("names and pages that are not its own are refused", async () => {
      const page = (origin: string) => p.asked("/v1/jobs", "-H", `Origin: ${origin}`);
      expect((await page(p.url)).status).toBe(200);
      for (const origin of [`${kind.scheme}://evil.example`, "null", `https://${NAME}:1`]) {
        expect((await page(origin)).status).toBe(403);
      }
      // The name of a proxy's default site: nginx passes it on, Caddy has nothing there.
      const stranger = await p.asked("/v1/jobs", "-H", "Host: evil.example");
      if (kind.program === "nginx") expect(stranger.status).toBe(421);
      else expect(stranger.body).not.toContain("jobs");
      expect((await p.curl("/v1/jobs")).status).toBe(401);
      expect((await p.curl("/healthz")).status).toBe(200);
    });

    test.skipIf(!existsSync(CHROMIUM))(
      "the page works in Chromium",
      async () => {
        const browser = await openBrowser(p.port);
        try {
          const page = await browser.newPage({ ignoreHTTPSErrors: true });
          await page.goto(p.url);
          await page.getByLabel("Access token").fill(p.s.token);
          await page.keyboard.press("Enter");
          await page.getByText("live", { exact: true }).waitFor();
          const notBefore = new Date(Date.now() + 60_000).toISOString();
          const job = await p.s.add(p.w.file("seen.bin", 10), ["ulozto:/P"], { notBefore });
          const card = page.locator(`[data-id="${job.id}"]`);
          await card.getByRole("button", { name: /^Cancel/ }).click();
          await page.locator(`[data-id="${job.id}"][data-state="cancelled"]`).waitFor();
          const done = await p.s.add(p.w.file("copied.bin", 10), ["ulozto:/P"]);
          // Without https a page has no clipboard, and copies all the same.
          const copy = page.locator(`[data-id="${done.id}"]`).getByRole("button", { name: /^Copy/ });
          await copy.click();
          await copy.filter({ hasText: "Copied" }).waitFor();
          await page.getByRole("button", { name: "Pause ulozto" }).click();
          await page.getByRole("button", { name: "Resume ulozto" }).click();
          await page.getByRole("button", { name: "Pause ulozto" }).waitFor();
        } finally {
          await browser.close();
        }
      },
      60_000,
    );
  });
}

function openBrowser(port: number): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
      ...["--no-proxy-server", `--host-resolver-rules=MAP ${NAME}:${port} 127.0.0.1:${port}`],
    ],
  });
}
