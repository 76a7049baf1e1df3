import { describe, expect } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { type Outcome, scene, type World } from "./kit/world.ts";

const calls = (w: World) => w.gig.connections + w.ulozto.connections;

const isUsage = (w: World, ran: Outcome, ...words: (string | RegExp)[]) => {
  expect(ran.code).toBe(2);
  for (const word of words) expect(ran.err).toMatch(word);
  expect(ran.out).toBe("");
  expect(ran.err.trimEnd().split("\n").length).toBeLessThanOrEqual(3);
  expect(calls(w)).toBe(0);
};

describe("credentials", () => {
  scene("a missing one is 2 before any call, and names the variable and `hoist account add`", async (w) => {
    for (const [variable, to] of [
      ["HOIST_UPLOADGIG_PASSWORD", "uploadgig"],
      ["HOIST_UPLOADGIG_USER", "uploadgig"],
      ["HOIST_ULOZTO_TOKEN", "ulozto"],
      ["HOIST_ULOZTO_USER", "ulozto"],
    ] as const) {
      const ran = await w.run(["up", w.file("a"), "--to", to], { env: { [variable]: "" } });
      isUsage(w, ran, variable, /hoist account add/);
    }
  });

  scene("X together with X_FILE is 2", async (w) => {
    const file = w.file("pw", "x");
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig"], { env: { HOIST_UPLOADGIG_PASSWORD_FILE: file } });
    isUsage(w, ran, /HOIST_UPLOADGIG_PASSWORD_FILE/);
  });

  scene("X_FILE is the file's content without its last newline", async (w) => {
    w.env.HOIST_UPLOADGIG_PASSWORD_FILE = w.file("pw", `${w.gig.password}\n`);
    delete w.env.HOIST_UPLOADGIG_PASSWORD;
    expect((await w.run(["up", w.file("a"), "--to", "uploadgig"])).code).toBe(0);
  });

  scene("$CREDENTIALS_DIRECTORY/<account>.password stands between environment and file", async (w) => {
    w.file("creds/uploadgig.password", w.gig.password);
    delete w.env.HOIST_UPLOADGIG_PASSWORD;
    const env = { CREDENTIALS_DIRECTORY: join(w.dir, "files", "creds") };
    expect((await w.run(["up", w.file("a"), "--to", "uploadgig"], { env })).code).toBe(0);
  });

  scene("on one level a token beats a password", async (w) => {
    w.env.HOIST_ULOZTO_PASSWORD = "not asked for";
    expect((await w.run(["up", w.file("a"), "--to", "ulozto"])).code).toBe(0);
    expect(w.ulozto.of("login-token").length).toBe(1);
  });

  scene("a secret of a higher level replaces those below", async (w) => {
    const config = w.file("config.toml", `[accounts.ulozto]\nhost = "ulozto"\nuser = "me"\ntoken = "from the file"\n`);
    chmodSync(config, 0o600);
    w.ulozto.state.password = `pw-${crypto.randomUUID()}`;
    const env = { HOIST_CONFIG: config, HOIST_ULOZTO_TOKEN: "", HOIST_ULOZTO_PASSWORD: w.ulozto.state.password };
    expect((await w.run(["up", w.file("a"), "--to", "ulozto"], { env })).code).toBe(0);
    expect(w.ulozto.seen[0]?.step).toBe("login-password");
  });

  scene("localhost and a trailing slash in a base URL are loopback, too", async (w) => {
    const env = { HOIST_UPLOADGIG_URL: `${w.gig.url.replace("127.0.0.1", "localhost")}/` };
    expect((await w.run(["up", w.file("a"), "--to", "uploadgig"], { env })).code).toBe(0);
    expect(w.gig.of("action")[0]?.head.target).toBe("/api/get_upload_action");
  });

  scene("plain http to a host that is not loopback is 2", async (w) => {
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig"], {
      env: { HOIST_UPLOADGIG_URL: "http://192.0.2.1" },
    });
    isUsage(w, ran, /https/);
  });
});

describe("the configuration file", () => {
  const withConfig = (w: World, toml: string, mode = 0o600) => {
    const path = w.file("config.toml", toml);
    chmodSync(path, mode);
    w.env.HOIST_CONFIG = path;
  };

  scene("accounts of other names, [up] to, and secrets from files, the environment and commands", async (w) => {
    w.file("pw", `${w.gig.password}\n`);
    withConfig(
      w,
      `[up]
to = ["gig-two", "uloz:/From config"]
[accounts.gig-two]
host = "uploadgig"
user = "${w.gig.user}"
password = { file = "${join(w.dir, "files", "pw")}" }
[accounts.uloz]
host = "ulozto"
user = "me"
token = { command = ["printenv", "MY_TOKEN"] }
`,
    );
    const env = { HOIST_GIG_TWO_URL: w.gig.url, HOIST_ULOZ_URL: w.ulozto.url, MY_TOKEN: w.ulozto.state.token ?? "" };
    const ran = await w.run(["up", w.file("a"), "--json"], { env });
    expect(ran.code).toBe(0);
    expect(ran.results.map((one) => `${one.account} ${one.host} ${one.folder}`).sort()).toEqual([
      "gig-two uploadgig null",
      "uloz ulozto /From config",
    ]);
  });

  scene("an unknown key is an error with its full path and the nearest key, never a value", async (w) => {
    withConfig(w, `[accounts.uploadgig]\nhost = "uploadgig"\nuser = "u"\npasword = "canary-in-config"\n`);
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig"]);
    isUsage(w, ran, /accounts\.uploadgig\.pasword/, /password/);
    expect(ran.err).not.toContain("canary");
  });

  scene("a syntax error names its line, never its text", async (w) => {
    withConfig(w, `[up]\nretries = 3\npassword = "canary-in-config\n`);
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig"]);
    isUsage(w, ran, /line 3|:3\b/);
    expect(ran.err).not.toContain("canary");
  });

  scene("a literal secret in a file that others can read is 2 with the chmod", async (w) => {
    withConfig(w, `[accounts.uploadgig]\nhost = "uploadgig"\nuser = "u"\npassword = "canary-in-config"\n`, 0o644);
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig"]);
    isUsage(w, ran, /chmod/);
    expect(ran.err).not.toContain("canary");
  });

  scene("flags come before the environment, the environment before the file", async (w) => {
    withConfig(w, `[up]\nto = ["ulozto:/File"]\nretries = 0\nretry_base = "5s"\n`);
    w.gig.fault("body", { breakAt: 1_000_000 });
    const ran = await w.run(["up", w.file("a", 16_000_000), "--to", "uploadgig", "--retries", "1"]);
    expect(ran.code).toBe(0);
    expect(ran.ms).toBeLessThan(4_000);
    expect(w.ulozto.connections).toBe(0);
  });

  scene("a file named by --config that is not there is 2", async (w) => {
    isUsage(w, await w.run(["up", w.file("a"), "--to", "uploadgig", "--config", "/nowhere.toml"]), /nowhere\.toml/);
  });
});
