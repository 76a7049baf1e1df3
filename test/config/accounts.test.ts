import { afterAll, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import type { Config } from "../../src/config/load.ts";
import { failure, Home } from "./fixture.ts";

const home = new Home();
afterAll(() => home[Symbol.dispose]());

function account(config: Config, name: string) {
  const found = config.accounts.get(name);
  if (found === undefined) throw new Error(`no account ${name}`);
  return found;
}

describe("accounts", () => {
  test("come from the file and from the environment", async () => {
    const config = await home.load('[accounts.second]\nhost = "plain"\nuser = "two"', {
      HOIST_MY_GIG_HOST: "keyed",
      HOIST_MY_GIG_USER: "three",
      HOIST_SECOND_USER: "2",
      HOIST_EMPTY_HOST: "",
      HOIST_lower_HOST: "plain",
      HOIST__HOST: "plain",
    });
    expect([...config.accounts.keys()].sort()).toEqual(["keyed", "my-gig", "plain", "second"]);
    expect(account(config, "my-gig")).toMatchObject({ user: "three", inFile: false, host: { id: "keyed" } });
    expect(account(config, "second")).toMatchObject({ user: "2", inFile: true, host: { id: "plain" } });
  });

  test("an unknown host in the environment names variable and hosts", async () => {
    const error = await failure(home.load(null, { HOIST_X_HOST: "palin" }));
    expect(error.code).toBe("config");
    expect(error.message).toContain("HOIST_X_HOST");
    expect(error.hint).toContain("plain");
  });

  test("a name that every object has is an account like any other", async () => {
    const config = await home.load(null, { HOIST_CONSTRUCTOR_HOST: "plain" });
    expect(account(config, "constructor")).toMatchObject({ user: "", inFile: false });
    expect((await failure(home.load(null, { HOIST_X_HOST: "constructor" }))).message).toContain("HOIST_X_HOST");
  });

  test("the key is host, origin and login, not the name", async () => {
    const env = { HOIST_A_HOST: "plain", HOIST_A_USER: "me", HOIST_PLAIN_USER: "me" };
    const config = await home.load(null, { ...env, HOIST_PLAIN_URL: "https://plain.example/prefix/" });
    expect(account(config, "a").key).toBe(account(config, "plain").key);
    const others = await home.load(null, { ...env, HOIST_PLAIN_URL: "http://127.0.0.1:8080" });
    expect(account(others, "plain").key).not.toBe(account(config, "plain").key);
    const login = await home.load(null, { ...env, HOIST_PLAIN_USER: "you" });
    expect(account(login, "plain").key).not.toBe(account(config, "plain").key);
  });
});

describe("base URLs", () => {
  test.each([
    ["https://host.example", "https://host.example", false],
    ["https://host.example/", "https://host.example", false],
    ["https://HOST.example:443/api/v1//", "https://host.example/api/v1", false],
    ["http://127.0.0.1:8080/sandbox", "http://127.0.0.1:8080/sandbox", true],
    ["http://127.9.9.9", "http://127.9.9.9", true],
    ["http://localhost:1", "http://localhost:1", true],
    ["http://[::1]:1/", "http://[::1]:1", true],
    ["https://localhost", "https://localhost", true],
  ])("%s", async (url, baseUrl, loopback) => {
    const config = await home.load(null, { HOIST_PLAIN_URL: url });
    expect(account(config, "plain").endpoint).toEqual({ baseUrl, loopback });
  });

  test.each([
    "http://host.example",
    "http://10.0.0.1",
    "http://localhost.example",
    "http://127.0.0.1.example",
    "ftp://127.0.0.1",
    "host.example",
    "https://me:canary@host.example",
    "https://host.example/?q=canary",
    "https://host.example/#canary",
  ])("%s is refused", async (url) => {
    const error = await failure(home.load(null, { HOIST_PLAIN_URL: url }));
    expect(error.code).toBe("config");
    expect(error.message).toContain("HOIST_PLAIN_URL");
    expect(error.message).not.toContain("canary");
  });

  test("the environment beats the file, which beats the host's own", async () => {
    const toml = '[accounts.plain]\nurl = "https://file.example"';
    expect(account(await home.load(toml), "plain").endpoint.baseUrl).toBe("https://file.example");
    const env = { HOIST_PLAIN_URL: "https://env.example" };
    expect(account(await home.load(toml, env), "plain").endpoint.baseUrl).toBe("https://env.example");
    expect(account(await home.load(null), "plain").endpoint.baseUrl).toBe("https://plain.example");
  });
});

describe("credentials", () => {
  const user = { HOIST_KEYED_USER: "me", HOIST_PLAIN_USER: "me" };

  test("an environment secret replaces those below, whatever its kind", async () => {
    const toml = '[accounts.keyed]\ntoken = "file-token"\napi_key = "file-key"';
    const config = await home.load(toml, { ...user, HOIST_KEYED_PASSWORD: "env-password" });
    expect(await account(config, "keyed").credentials()).toEqual({
      user: "me",
      password: "env-password",
      apiKey: "file-key",
    });
  });

  test("on one level a token beats a password", async () => {
    const env = { ...user, HOIST_KEYED_PASSWORD: "p", HOIST_KEYED_TOKEN: "t" };
    expect(await account(await home.load(null, env), "keyed").credentials()).toEqual({ user: "me", token: "t" });
    const toml = '[accounts.keyed]\npassword = "p"\ntoken = "t"';
    expect(await account(await home.load(toml, user), "keyed").credentials()).toEqual({ user: "me", token: "t" });
  });

  test("systemd's credentials stand between environment and file", async () => {
    await mkdir(`${home.path}/creds`, { recursive: true });
    await home.write("creds/keyed.password", "systemd\n");
    const toml = '[accounts.keyed]\ntoken = "t"\napi_key = "k"';
    const env = { ...user, CREDENTIALS_DIRECTORY: `${home.path}/creds` };
    expect(await account(await home.load(toml, env), "keyed").credentials()).toEqual({
      user: "me",
      password: "systemd",
      apiKey: "k",
    });
    const above = { ...env, HOIST_KEYED_TOKEN: "env" };
    expect(await account(await home.load(toml, above), "keyed").credentials()).toMatchObject({ token: "env" });
  });

  test.each([
    ["secret\n", "secret"],
    ["secret\r\n", "secret"],
    ["secret\n\n", "secret\n"],
    [" sec ret ", " sec ret "],
  ])("a _FILE of %j is read without its last newline", async (content, password) => {
    const path = await home.write("secret", content);
    const config = await home.load(null, { ...user, HOIST_PLAIN_PASSWORD_FILE: path });
    expect(await account(config, "plain").credentials()).toEqual({ user: "me", password });
  });

  test("a variable together with its _FILE is an error; an empty one is not set", async () => {
    const path = await home.write("secret", "s");
    const both = { ...user, HOIST_PLAIN_PASSWORD: "canary", HOIST_PLAIN_PASSWORD_FILE: path };
    const error = await failure(home.load(null, both));
    expect(error.code).toBe("config");
    expect(error.message).toContain("HOIST_PLAIN_PASSWORD_FILE");
    expect(error.message).not.toContain("canary");
    const config = await home.load(null, { ...both, HOIST_PLAIN_PASSWORD: "" });
    expect(await account(config, "plain").credentials()).toMatchObject({ password: "s" });
  });

  test("the file may name a file beside it, a variable or a command", async () => {
    await home.write("token", "from-file\n");
    const toml = (spec: string) => `[accounts.keyed]\nuser = "me"\ntoken = ${spec}`;
    const token = async (spec: string) =>
      account(await home.load(toml(spec), { NAMED: "from-env" }), "keyed").credentials();
    expect(await token('{ file = "token" }')).toMatchObject({ token: "from-file" });
    expect(await token(`{ file = "${home.path}/token" }`)).toMatchObject({ token: "from-file" });
    expect(await token('{ env = "NAMED" }')).toMatchObject({ token: "from-env" });
    expect(await token('{ command = ["printf", "%s\\n", "from command; $HOME"] }')).toMatchObject({
      token: "from command; $HOME",
    });
  });

  test("a named source that cannot be had is an error that tells nothing", async () => {
    await home.write("empty", "");
    const specs = [
      ['{ file = "none" }', "ENOENT"],
      ['{ file = "empty" }', "is empty"],
      ['{ command = ["sh", "-c", "echo canary; exit 3"] }', "exit code 3"],
      ['{ command = ["no-such-program-here"] }', "cannot be run"],
      ['{ command = ["true"] }', "printed nothing"],
    ] as const;
    for (const [spec, words] of specs) {
      const config = await home.load(`[accounts.plain]\nuser = "me"\npassword = ${spec}`);
      const error = await failure(account(config, "plain").credentials());
      expect(error.code).toBe("config");
      expect(error.message).toContain("accounts.plain.password");
      expect(error.message).toContain(words);
      expect(error.message).not.toContain("canary");
    }
  });

  test("a host that is missing is near to none; a misspelt one is asked about", async () => {
    const missing = await failure(home.load("[accounts.foo]\nuser = 'me'"));
    expect(missing).toMatchObject({ message: expect.stringContaining("accounts.foo.host is missing") });
    expect(missing.hint).toBe("known hosts: plain, keyed");
    const misspelt = await failure(home.load("[accounts.foo]\nhost = 'keyd'"));
    expect(misspelt.hint).toBe("did you mean keyed? known hosts: plain, keyed");
  });

  test("what is missing is named, with the way out", async () => {
    const nothing = await failure(account(await home.load(null), "keyed").credentials());
    expect(nothing.exit).toBe(2);
    expect(nothing.message).toContain("HOIST_KEYED_USER and HOIST_KEYED_TOKEN or HOIST_KEYED_PASSWORD");
    expect(nothing.hint).toContain("hoist account add keyed");
    const secretless = await failure(account(await home.load(null, user), "plain").credentials());
    expect(secretless.message).toContain("HOIST_PLAIN_PASSWORD");
    expect(secretless.message).not.toContain("HOIST_PLAIN_USER");
    const userless = await failure(
      account(await home.load(null, { HOIST_PLAIN_PASSWORD: "p" }), "plain").credentials(),
    );
    expect(userless.message).toContain("HOIST_PLAIN_USER");
    expect(userless.message).not.toContain("PASSWORD");
    const unset = await home.load('[accounts.plain]\nuser = "me"\npassword = { env = "NOT_THERE" }');
    expect((await failure(account(unset, "plain").credentials())).message).toContain(
      "HOIST_PLAIN_PASSWORD or NOT_THERE is not set",
    );
  });

  test("secrets are read once, when they are asked for", async () => {
    const log = `${home.path}/runs`;
    const toml = `[accounts.plain]\nuser = "me"\npassword = { command = ["sh", "-c", "echo run >> ${log}; echo s"] }`;
    const plain = account(await home.load(toml), "plain");
    expect(await plain.secretSources()).toMatchObject([{ origin: "the config file (command sh)" }]);
    expect(await Bun.file(log).exists()).toBe(false);
    await Promise.all([plain.credentials(), plain.credentials()]);
    await plain.credentials();
    expect(await Bun.file(log).text()).toBe("run\n");
  });

  test("a failure is not kept", async () => {
    const config = await home.load(null, { ...user, HOIST_PLAIN_PASSWORD_FILE: `${home.path}/later` });
    const plain = account(config, "plain");
    await failure(plain.credentials());
    await home.write("later", "now");
    expect(await plain.credentials()).toMatchObject({ password: "now" });
  });

  test("where a secret stands is told without it", async () => {
    const config = await home.load('[accounts.keyed]\napi_key = "k"', { ...user, HOIST_KEYED_TOKEN: "t" });
    const found = await account(config, "keyed").secretSources();
    expect(found.map(({ secret, origin }) => [secret, origin])).toEqual([
      ["token", "HOIST_KEYED_TOKEN"],
      ["apiKey", "the config file"],
    ]);
    const unset = await home.load('[accounts.keyed]\ntoken = { env = "NOT_THERE" }\npassword = "p"', user);
    expect((await account(unset, "keyed").secretSources()).map(({ secret }) => secret)).toEqual(["password"]);
  });
});
