import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../support/temporary.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
const SECRET = "0123456789abcdef01234567-canary";

const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

interface Run {
  readonly directory: string;
  readonly process: Bun.Subprocess;
  stderr(): string;
  lines(): Record<string, string>[];
  until(event: string, count?: number): Promise<void>;
  url(): string;
  /** Writes the config file. */
  configure(toml: string): void;
}

/** A `hoist serve` of its own, with no environment but `env`. */
function serve(args: readonly string[], env: Record<string, string> = {}, toml = ""): Run {
  const directory = temporaryDirectory();
  const config = join(directory.path, "config.toml");
  const configure = (text: string) => {
    writeFileSync(config, text);
    chmodSync(config, 0o600);
  };
  configure(toml);
  const child = Bun.spawn([process.execPath, MAIN, "serve", ...args], {
    env: { HOME: directory.path, HOIST_STATE_DIR: join(directory.path, "state"), HOIST_CONFIG: config, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  let stderr = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) stderr += decoder.decode(chunk, { stream: true });
  })();
  ended.push(async () => {
    child.kill("SIGKILL");
    await Promise.all([child.exited, reading]);
    directory[Symbol.dispose]();
  });
  const lines = () =>
    stderr.split("\n").flatMap((line) => (line.startsWith("{") && line.endsWith("}") ? [JSON.parse(line)] : []));
  return {
    directory: directory.path,
    process: child,
    stderr: () => stderr,
    lines,
    async until(event, count = 1) {
      for (let tries = 0; tries < 1000; tries += 1) {
        if (lines().filter((line) => line.event === event).length >= count) return;
        if (child.exitCode !== null) break;
        await Bun.sleep(10);
      }
      throw new Error(`there was no ${event}: ${stderr}`);
    },
    url: () => /listening on (\S+)$/.exec(lines().find(({ event }) => event === "listening")?.msg ?? "")?.[1] ?? "",
    configure,
  };
}

async function exit(run: Run): Promise<number> {
  const code = await run.process.exited;
  await Bun.sleep(20);
  return code;
}

const get = (run: Run, path: string, secret: string) =>
  fetch(`${run.url()}${path}`, { headers: { authorization: `Bearer ${secret}` }, keepalive: false });

describe("starting", () => {
  const wrong: [string, string[], Record<string, string>, string][] = [
    ["no token, and open for others", ["--listen", "0.0.0.0:0"], {}, "hoist serve token new"],
    ["a short token", [], { HOIST_SERVE_TOKEN: "canary-12345" }, "hoist serve token new"],
    ["a token twice", [], { HOIST_SERVE_TOKEN: SECRET, HOIST_SERVE_TOKEN_FILE: "/x" }, "both set"],
    ["an address that is none", ["--listen", "7411"], {}, "--listen"],
    ["no number of uploads", ["--parallel", "0"], {}, "--parallel"],
    ["no grace", ["--grace", "soon"], {}, "--grace"],
    ["a stray word", ["now"], {}, "now"],
  ];

  test("what is wrong is exit 2, and told without the secret", async () => {
    await Promise.all(
      wrong.map(async ([what, args, env, words]) => {
        const run = serve(args, env);
        expect([what, await exit(run)]).toEqual([what, 2]);
        expect(run.stderr()).toContain(words);
        expect(run.stderr()).not.toContain("canary");
      }),
    );
  });

  test("a hook without anything to let it in by is a mistake of the configuration", async () => {
    const run = serve(
      ["--listen", "127.0.0.1:0"],
      {},
      '[hooks.x]\npath = "$.p"\nto = ["ulozto"]\nauth = { bearer = "short" }',
    );
    expect(await exit(run)).toBe(2);
    expect(run.stderr()).toContain("hooks.x.auth.bearer");
  });

  test("makes a token once, for its owner alone, and names its file", async () => {
    const run = serve(["--listen", "127.0.0.1:0"]);
    await run.until("listening");
    const path = join(run.directory, "state", "serve-token");
    expect(run.stderr()).toContain(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const token = readFileSync(path, "utf8").trim();
    expect(run.stderr()).not.toContain(token);
    expect((await get(run, "/v1/jobs", token)).status).toBe(200);
    expect((await get(run, "/v1/jobs", `${token}x`)).status).toBe(401);
    const address = JSON.parse(readFileSync(join(run.directory, "state", "serve.json"), "utf8"));
    expect(address.url).toBe(run.url());
    const second = serve(["--listen", "127.0.0.1:0"], { HOIST_STATE_DIR: join(run.directory, "state") });
    expect(await exit(second)).toBe(11);
    expect(existsSync(join(run.directory, "state", "serve.json"))).toBe(true);
    run.process.kill("SIGTERM");
    expect(await exit(run)).toBe(143);
    expect(existsSync(join(run.directory, "state", "serve.json"))).toBe(false);
    expect(readFileSync(path, "utf8").trim()).toBe(token);
  });

  test("who is early waits until it answers", async () => {
    using directory = temporaryDirectory();
    const unix = join(directory.path, "early.sock");
    const run = serve(["--listen", `unix:${unix}`]);
    const early = async (): Promise<Response> => {
      for (;;) {
        const answer = await fetch("http://localhost/healthz", { unix, keepalive: false }).catch(() => null);
        if (answer !== null || run.process.exitCode !== null) return answer ?? Response.error();
        await Bun.sleep(1);
      }
    };
    const first = await early();
    expect([first.status, await first.text()]).toEqual([200, '{"status":"ok"}']);
  });

  test("HOIST_SERVE_TOKEN may submit and read, and no token is made", async () => {
    const run = serve(["--listen", "127.0.0.1:0"], { HOIST_SERVE_TOKEN: SECRET });
    await run.until("listening");
    expect(existsSync(join(run.directory, "state", "serve-token"))).toBe(false);
    expect((await get(run, "/v1/jobs", SECRET)).status).toBe(200);
    const paused = await fetch(`${run.url()}/v1/accounts/ulozto/pause`, {
      method: "POST",
      headers: { authorization: `Bearer ${SECRET}` },
    });
    expect(paused.status).toBe(403);
    expect(run.stderr()).not.toContain("canary");
  });

  test("text for the journal", async () => {
    const run = serve(["--listen", "127.0.0.1:0"], { JOURNAL_STREAM: "8:12345" });
    for (let tries = 0; !run.stderr().includes("listening") && tries < 500; tries += 1) await Bun.sleep(10);
    expect(run.stderr()).toMatch(/^<6>listening on http:\/\/127\.0\.0\.1:\d+$/m);
  });
});

describe("SIGHUP", () => {
  test("while it starts is no end", async () => {
    const run = serve(["--listen", "127.0.0.1:0"]);
    while (!run.stderr().includes("serve-token") && run.process.exitCode === null) await Bun.sleep(1);
    run.process.kill("SIGHUP");
    await run.until("reloaded");
    expect(run.lines().map(({ event }) => event)).toContain("listening");
    expect(run.process.exitCode).toBeNull();
  });

  const token = (name: string, secret: string) => `[[serve.tokens]]\nname = "${name}"\nsecret = "${secret}"\n`;

  test("takes new tokens, lets old ones go, and keeps all when the new ones are wrong", async () => {
    const first = "first-token-long-enough-to-be-one";
    const second = "second-token-long-enough-to-be-one";
    const run = serve(["--listen", "127.0.0.1:0"], {}, token("a", first));
    await run.until("listening");
    expect((await get(run, "/v1/jobs", first)).status).toBe(200);
    const stream = await get(run, "/v1/events", first);
    expect(stream.status).toBe(200);

    run.configure(token("a", second));
    run.process.kill("SIGHUP");
    await run.until("reloaded");
    expect((await get(run, "/v1/jobs", first)).status).toBe(401);
    expect((await get(run, "/v1/jobs", second)).status).toBe(200);
    // Whoever held a token that has gone hears no more.
    await stream.text();

    for (const [index, wrong] of [
      "[serve",
      `${token("a", "canary")}`,
      `${token("a", first)}[hooks.x]\npath = "$.p"\nto = ["nowhere"]`,
    ].entries()) {
      run.configure(wrong);
      run.process.kill("SIGHUP");
      await run.until("reload.failed", index + 1);
      expect((await get(run, "/v1/jobs", second)).status).toBe(200);
      expect((await get(run, "/v1/jobs", first)).status).toBe(401);
    }
    expect(run.stderr()).not.toContain("canary");
    expect(run.process.exitCode).toBeNull();
  });
});

describe("stopping", () => {
  test("takes nothing new, lets a body come to its end, then goes; its socket with it", async () => {
    const directory = temporaryDirectory();
    const path = join(directory.path, "hoist.sock");
    const run = serve(["--listen", `unix:${path}`, "--grace", "20s"]);
    await run.until("listening");
    const { promise: more, resolve: finish } = Promise.withResolvers<void>();
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(new TextEncoder().encode("half "));
        await more;
        controller.enqueue(new TextEncoder().encode("and half"));
        controller.close();
      },
    });
    const put = fetch("http://x/v1/files/x.bin?to=uploadgig", { method: "PUT", body, unix: path });
    const spool = join(run.directory, "state", "spool");
    for (let tries = 0; !existsSync(spool) && tries < 500; tries += 1) await Bun.sleep(10);
    run.process.kill("SIGTERM");
    await run.until("draining");
    expect((await fetch("http://x/v1/jobs", { unix: path, keepalive: false })).status).toBe(200);
    const late = await fetch("http://x/v1/files/y?to=uploadgig", {
      method: "PUT",
      body: "y",
      unix: path,
      keepalive: false,
    });
    expect(late.status).toBe(503);
    expect((await fetch("http://x/readyz", { unix: path, keepalive: false })).status).toBe(503);
    expect((await fetch("http://x/healthz", { unix: path, keepalive: false })).status).toBe(200);
    finish();
    const answer = await put;
    expect(answer.status).toBe(202);
    expect(await exit(run)).toBe(143);
    expect(existsSync(path)).toBe(false);
    directory[Symbol.dispose]();
  });

  test("a second signal ends it at once", async () => {
    const run = serve(["--listen", "127.0.0.1:0", "--grace", "60s"]);
    await run.until("listening");
    const token = readFileSync(join(run.directory, "state", "serve-token"), "utf8").trim();
    const body = new ReadableStream({
      pull: (controller) => {
        controller.enqueue(new Uint8Array(1));
        return new Promise(() => {});
      },
    });
    const put = fetch(`${run.url()}/v1/files/x?to=uploadgig`, {
      method: "PUT",
      body,
      headers: { authorization: `Bearer ${token}` },
    }).catch(() => null);
    const spool = join(run.directory, "state", "spool");
    for (let tries = 0; !existsSync(spool) && tries < 500; tries += 1) await Bun.sleep(10);
    run.process.kill("SIGINT");
    await run.until("draining");
    const began = performance.now();
    run.process.kill("SIGINT");
    expect(await exit(run)).toBe(130);
    expect(performance.now() - began).toBeLessThan(5000);
    await put;
    rmSync(spool, { recursive: true, force: true });
  });
});

test("hoist serve token new prints a token that is taken, and a key that signs", async () => {
  const { stdout, exitCode } = Bun.spawnSync([process.execPath, MAIN, "serve", "token", "new"]);
  expect(exitCode).toBe(0);
  expect(stdout.toString()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=\n$/);
});
