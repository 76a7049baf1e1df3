import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "../../src/app.ts";
import { localTime } from "../../src/cli/output/local-time.ts";
import { runCli } from "../../src/cli/run.ts";
import { captchaLock } from "../../src/core/accounts/account-standing.ts";
import type { AccountState } from "../../src/core/job-store.ts";
import type { ServeStore } from "../../src/core/serve-store.ts";
import { openStore } from "../../src/store/open.ts";

const made: string[] = [];
afterAll(() => {
  for (const path of made) rmSync(path, { recursive: true, force: true });
});

/** The whole command line in this process, with a home of its own; both hosts lead nowhere unless `env` says more. */
function machine(env: Readonly<Record<string, string>> = {}) {
  const home = mkdtempSync(join(tmpdir(), "hoist-account-"));
  made.push(home);
  const all = {
    XDG_CONFIG_HOME: join(home, "config"),
    HOIST_STATE_DIR: join(home, "state"),
    HOIST_RETRY_BASE: "1ms",
    HOIST_UPLOADGIG_URL: "http://127.0.0.1:1",
    HOIST_ULOZTO_URL: "http://127.0.0.1:1",
    ...env,
  };
  return {
    file: join(home, "config", "hoist", "config.toml"),
    state: join(home, "state"),
    async run(args: string | readonly string[], stdin = "", isTTY = false) {
      let out = "";
      let err = "";
      const code = await runCli(typeof args === "string" ? args.split(" ") : args, {
        stdin: Object.assign(new Blob([stdin]).stream() as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>, {
          isTTY,
        }),
        stdout: { write: (text) => (out += text) },
        stderr: { write: (text) => (err += text) },
        env: all,
        signal: new AbortController().signal,
        openApp: createApp,
      });
      return { code, out, err };
    },
  };
}

describe("account add", () => {
  test("makes the file that is named, for its owner alone; other commands want it there", async () => {
    const home = mkdtempSync(join(tmpdir(), "hoist-account-"));
    made.push(home);
    const [byVariable, byOption] = [join(home, "new/by-variable.toml"), join(home, "by option.toml")];
    const { run } = machine({ HOIST_CONFIG: byVariable });
    const listed = await run("account list");
    expect(listed.code).toBe(2);
    expect(listed.err).toContain("there is no such file\n  name another");
    const added = await run("account add work --host uploadgig --user me --password-stdin", "s3cret\n");
    expect([added.code, (statSync(byVariable).mode & 0o777).toString(8)]).toEqual([0, "600"]);
    expect(added.err).toEndWith("with: hoist account check work\n");
    expect((await run("account list")).out).toContain("work");
    const other = await run(["account", "add", "work", "--host", "ulozto", "--user", "me", "--config", byOption]);
    expect(other.code).toBe(0);
    expect(other.err).toEndWith(`with: hoist account check work --config '${byOption}'\n`);
  });

  test("reads the secret from standard input and shows it to nobody", async () => {
    const { run, file } = machine();
    const added = await run("account add uploadgig --user me@example.com --password-stdin", "s3cret-canary\n");
    expect(added.code).toBe(0);
    expect(added.out).toBe("");
    expect(added.err).toContain(file);
    const listed = await run("account list --json");
    const views = listed.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(views).toContainEqual({
      v: 1,
      type: "account",
      name: "uploadgig",
      host: "uploadgig",
      user: "me@example.com",
      url: "http://127.0.0.1:1",
      secrets: [{ name: "password", from: "the config file" }],
      inFile: true,
      ready: true,
      ...{ state: "idle", refused: false, reason: null, coolDownUntil: null },
    });
    expect(views.find(({ name }) => name === "ulozto")).toMatchObject({
      ...{ ready: false, state: "not-set-up", user: null, secrets: [] },
    });
    const text = await run("account list");
    for (const { out, err } of [added, listed, text]) expect(out + err).not.toContain("s3cret-canary");
    expect(await Bun.file(file).text()).toContain('password = "s3cret-canary"');
  });

  test("takes token and API key of hosts that have them", async () => {
    const { run, file } = machine();
    expect((await run("account add disk --host ulozto --user me --token-stdin", "t")).code).toBe(0);
    expect((await run("account add keyed --host ulozto --user me --api-key-stdin", "k")).code).toBe(0);
    expect(await Bun.file(file).text()).toContain('api_key = "k"');
    const { code, err } = await run("account add x --host uploadgig --user me --token-stdin", "t");
    expect(code).toBe(2);
    expect(err).toContain("--password-stdin");
  });

  test.each([
    ["account add uploadgig --user me --password s3cret-canary", "--password-stdin"],
    ["account add uploadgig --user me --password=s3cret-canary", "--password-stdin"],
    ["account add uploadgig --user me --token s3cret-canary", "--token-stdin"],
    ["account add uploadgig", "--user"],
    ["account add", "name"],
    ["account add work --user me", "host"],
    ["account add work --host uploadgog --user me", "uploadgig"],
    ["account add Work --host uploadgig --user me", "Work"],
    ["account add x --host ulozto --user me --token-stdin --password-stdin", "only one secret"],
    ["account add x --host ulozto --user me --token-stdin", "empty"],
  ])("%s is refused", async (line, words) => {
    const { run, file } = machine();
    const { code, out, err } = await run(line);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(words);
    expect(err).not.toContain("s3cret-canary");
    expect(await Bun.file(file).exists()).toBe(false);
  });

  test("a secret is not read from a terminal, which would show it", async () => {
    const { run, file } = machine();
    const { code, err } = await run("account add uploadgig --user me --password-stdin", "s3cret-canary\n", true);
    expect(code).toBe(2);
    expect(err).toContain("leave the option out");
    expect(await Bun.file(file).exists()).toBe(false);
  });

  test("a secret of several lines, as pass may print, is refused with a way to its first", async () => {
    const { run, file } = machine();
    const { code, err } = await run("account add uploadgig --user me --password-stdin", "s3cret-canary\nurl: x\n");
    expect(code).toBe(2);
    expect(err).toContain("head -n 1");
    expect(err).not.toContain("s3cret-canary");
    expect(await Bun.file(file).exists()).toBe(false);
  });

  test("an account that stands there already is left alone", async () => {
    const { run } = machine();
    await run("account add uploadgig --user me");
    const { code, err } = await run("account add uploadgig --user you");
    expect(code).toBe(2);
    expect(err).toContain("hoist account remove uploadgig");
  });
});

test("account remove takes away what account add made, and nothing else", async () => {
  const { run, file } = machine();
  await run("account add a --host uploadgig --user one");
  await run("account add b --host ulozto --user two");
  expect((await run("account remove a")).code).toBe(0);
  expect(await Bun.file(file).text()).toBe('[accounts.b]\nhost = "ulozto"\nuser = "two"\n');
  const again = await run("account remove a");
  expect(again.code).toBe(4);
  expect((await run("account remove uploadgig")).code).toBe(4);
});

describe("config", () => {
  test("path prints where the file is or would be", async () => {
    const { run, file } = machine();
    expect(await run("config path")).toEqual({ code: 0, out: `${file}\n`, err: "" });
    expect((await run("config path --config /etc/x.toml")).out).toBe("/etc/x.toml\n");
  });

  test("check finds a typo, an unknown default destination, an impossible format, and nothing in a good file", async () => {
    const { run, file } = machine();
    expect((await run("config check")).code).toBe(0);
    await run("account add uploadgig --user me");
    expect(await run("config check")).toMatchObject({ code: 0, out: `${file}: fine\n` });
    const good = await Bun.file(file).text();
    await Bun.write(file, `[up]\nto = ["nobody:/x"]\n${good}`);
    expect(await run("config check")).toMatchObject({ code: 2 });
    for (const format of ["lnks", "{nope}"]) {
      await Bun.write(file, `[up]\nformat = "${format}"\n`);
      expect(await run("config check")).toMatchObject({ code: 2, err: expect.stringContaining("[up] format") });
    }
    await Bun.write(file, good.replace("user", "usr"));
    const typo = await run("config check");
    expect(typo.code).toBe(2);
    expect(typo.err).toContain("accounts.uploadgig.usr is not a known key; the nearest is user");
  });
});

describe("account check", () => {
  /** The first step of UploadGig as documented. */
  function uploadgig(password: string) {
    let logins = 0;
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        logins += 1;
        const form = new URLSearchParams(await request.text());
        if (form.get("pass") !== password)
          return Response.json({ code: "0", result: "Email or password was incorrect!" });
        return Response.json({ code: "1", result: { action: "http://127.0.0.1:1/upload?identity=x", cmbs: 10240 } });
      },
    });
    return { url: `http://127.0.0.1:${server.port}`, logins: () => logins, stop: () => server.stop(true) };
  }

  test("logs in once and tells what the host says", async () => {
    const host = uploadgig("right");
    const env = { HOIST_UPLOADGIG_URL: host.url, HOIST_UPLOADGIG_USER: "me", HOIST_UPLOADGIG_PASSWORD: "right" };
    const { run } = machine(env);
    expect(await run("account check")).toMatchObject({
      code: 0,
      out: "uploadgig: the login works, me, 10.0 GiB free\n",
    });
    expect(host.logins()).toBe(1);
    const { out } = await run("account check uploadgig --json");
    expect(JSON.parse(out)).toMatchObject({ ok: true, name: "uploadgig", login: "me", freeBytes: 10240 * 1024 ** 2 });
    await host.stop();
  });

  test("a refused login is exit 6 in the host's words", async () => {
    const host = uploadgig("right");
    const env = { HOIST_UPLOADGIG_URL: host.url, HOIST_UPLOADGIG_USER: "me", HOIST_UPLOADGIG_PASSWORD: "wr0ng-canary" };
    const { code, out, err } = await machine(env).run("account check --json");
    expect(code).toBe(6);
    expect(JSON.parse(out)).toMatchObject({ ok: false, error: { code: "host_auth", exit: 6 } });
    expect(err).toContain("Email or password was incorrect!");
    expect(out + err).not.toContain("wr0ng-canary");
    await host.stop();
  });

  test("without any login, and for an unknown name, it says so", async () => {
    const { run } = machine();
    expect(await run("account check")).toMatchObject({ code: 2 });
    expect(await run("account check nobody")).toMatchObject({ code: 4 });
    const { code, err } = await run("account check ulozto");
    expect(code).toBe(2);
    expect(err).toContain("HOIST_ULOZTO_TOKEN");
  });
});

describe("doctor", () => {
  const findings = (out: string) =>
    out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));

  test("connects without logging in, and logs in when asked", async () => {
    const seen: string[] = [];
    const host = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        seen.push(new URL(request.url).pathname);
        return Response.json({ code: "1", result: { action: "http://127.0.0.1:1/", cmbs: 1024 } });
      },
    });
    const { run } = machine({
      HOIST_UPLOADGIG_URL: `http://127.0.0.1:${host.port}`,
      HOIST_UPLOADGIG_USER: "me",
      HOIST_UPLOADGIG_PASSWORD: "s3cret-canary",
      HOIST_UPLOADGIG_PASWORD: "s3cret-canary",
    });
    const { code, out, err } = await run("doctor --json");
    expect(code).toBe(0);
    expect(seen).toEqual([]);
    expect(findings(out)).toContainEqual(
      expect.objectContaining({
        check: "environment",
        state: "warning",
        text: expect.stringContaining("HOIST_UPLOADGIG_PASWORD"),
      }),
    );
    expect(findings(out)).toContainEqual(
      expect.objectContaining({ check: `reach http://127.0.0.1:${host.port}`, state: "ok" }),
    );
    expect(out + err).not.toContain("s3cret-canary");
    expect((await run("doctor --login --json")).code).toBe(0);
    expect(seen).toEqual(["/api/get_upload_action"]);
    await host.stop(true);
  });

  test("what fails decides the exit code, and the other checks go on", async () => {
    const { run, file } = machine({ HOIST_UPLOADGIG_USER: "me", HOIST_UPLOADGIG_PASSWORD: "p" });
    const unreachable = await run("doctor --json");
    expect(unreachable.code).toBe(5);
    expect(findings(unreachable.out)).toContainEqual(expect.objectContaining({ state: "failed", code: "network" }));
    await Bun.write(file, "[uq]");
    const { code, out } = await run("doctor --json");
    expect(code).toBe(2);
    expect(findings(out)).toContainEqual(expect.objectContaining({ check: "config", state: "failed", code: "config" }));
    expect(findings(out).map(({ check }) => check)).toContain("disk");
  });

  test("a login that is not complete is exit 2", async () => {
    const host = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const { run } = machine({ HOIST_ULOZTO_USER: "me", HOIST_ULOZTO_URL: `http://127.0.0.1:${host.port}` });
    const { code, out } = await run("doctor");
    expect(code).toBe(2);
    expect(out).toContain("HOIST_ULOZTO_TOKEN or HOIST_ULOZTO_PASSWORD is not set");
    await host.stop(true);
  });
});

describe("account list, of what holds uploads up", () => {
  const env = { HOIST_UPLOADGIG_USER: "me", HOIST_UPLOADGIG_PASSWORD: "x" };

  /** An account in that state: its line of the table, and its JSON. */
  async function listed(change: Partial<AccountState>, work?: (store: ServeStore, key: string) => Promise<void>) {
    const { run, state } = machine(env);
    // The key as another command writes it.
    await run("account pause uploadgig");
    await using store = openStore({ directory: state, command: "hoist test" });
    const [key = ""] = (await store.accountStates()).keys();
    await store.saveAccount(key, { paused: false, ...change });
    await work?.(store, key);
    const text = (await run("account list")).out.split("\n").find((line) => line.startsWith("uploadgig")) ?? "";
    const json = (await run("account list --json")).out.split("\n").find((line) => line.includes('"uploadgig"')) ?? "";
    return { text, json: JSON.parse(json) };
  }

  test.each<[Partial<AccountState>, string, object]>([
    [{}, "ready", { state: "idle", ready: true }],
    [{ paused: true }, "paused", { state: "paused", ready: false, reason: null }],
    [{ paused: true, pausedBecause: "too much" }, "paused: too much", { state: "paused", reason: "too much" }],
    [
      { refusedSecret: "x", refusedMessage: "Bad password" },
      "login refused: Bad password",
      { state: "stopped", refused: true, ready: false, reason: "Bad password" },
    ],
    [
      { paused: true, refusedSecret: "x", refusedMessage: "Bad password" },
      "paused, login refused: Bad password",
      { state: "paused", refused: true, reason: "Bad password" },
    ],
    [
      { coolDownUntil: Date.UTC(2222, 0, 31), coolDowns: 1 },
      "cooling down until 2222-01-3",
      { state: "cooling-down", ready: false, coolDownUntil: "2222-01-31T00:00:00.000Z" },
    ],
  ])("%j is %s", async (change, words, view) => {
    const { text, json } = await listed(change);
    expect(text).toContain(words);
    expect(json).toMatchObject(view);
    expect(text.includes("ready")).toBe(json.ready);
  });

  test("another process that waits for a person, or uploads", async () => {
    const captcha = await listed({}, async (store, key) => {
      await store.takeLock(captchaLock(key));
    });
    expect(captcha).toMatchObject({ json: { state: "captcha", ready: false } });
    expect(captcha.text).toContain("waits for a captcha");
    const busy = await listed({}, async (store, key) => {
      await store.takeLane(key, 1);
    });
    expect(busy).toMatchObject({ json: { state: "busy", ready: true } });
  });

  test("makes nothing where there is nothing", async () => {
    const { run, state } = machine(env);
    expect((await run("account list")).out).toContain("ready");
    expect(existsSync(state)).toBe(false);
  });
});

describe("account resume", () => {
  const rests = Date.now() + 3_600_000;
  const until = `its host asked for a pause until ${localTime(rests)}`;

  test.each<[Partial<AccountState>, string]>([
    [{ paused: true }, "takes uploads again"],
    [{ paused: true, coolDownUntil: 1 }, "takes uploads again"],
    [{ coolDownUntil: rests }, `is no longer paused, but ${until}`],
    [{ paused: true, refusedSecret: "x" }, "tries its login, which was refused, again with the next upload"],
    [
      { refusedSecret: "x", coolDownUntil: rests },
      `tries its login, which was refused, again with the next upload, but ${until}`,
    ],
  ])("of %p says what the account does next", async (change, words) => {
    const { run, state } = machine({ HOIST_UPLOADGIG_USER: "me", HOIST_UPLOADGIG_PASSWORD: "x" });
    await run("account pause uploadgig");
    {
      await using store = openStore({ directory: state, command: "hoist test" });
      const [key = ""] = (await store.accountStates()).keys();
      await store.saveAccount(key, { paused: false, ...change });
    }
    expect(await run("account resume uploadgig")).toEqual({
      code: 0,
      out: "",
      err: `note: uploadgig ${words}; hoist resume goes on with those that were left\n`,
    });
    expect((await run("account list")).out).not.toMatch(/paused|refused/);
  });
});
