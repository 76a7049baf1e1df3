import { afterAll, describe, expect, test } from "bun:test";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { parseListen } from "../../src/config/listen-address.ts";
import type { Environment } from "../../src/config/place.ts";
import { parseConfig } from "../../src/config/read-file.ts";
import { resolveServe, type ServeConfig, type ServeFlags } from "../../src/config/serve.ts";
import { failure, Home } from "./fixture.ts";

const home = new Home();
afterAll(() => home[Symbol.dispose]());

const SECRET = "0123456789abcdef01234567";

async function serve(
  lines: string,
  {
    env = {},
    flags = {},
    platform = "linux" as NodeJS.Platform,
  }: { env?: Environment; flags?: ServeFlags; platform?: NodeJS.Platform } = {},
): Promise<ServeConfig> {
  const { serve: section } = await parseConfig("config.toml", lines === "" ? "" : `[serve]\n${lines}`);
  return resolveServe({ section, configPath: join(home.path, "config.toml"), place: { env, platform }, flags });
}

describe("[serve]", () => {
  test("nothing at all", async () => {
    expect(await serve("")).toEqual({
      listen: { kind: "tcp", hostname: "127.0.0.1", port: 7411 },
      socketMode: 0o600,
      parallel: 4,
      graceMs: 60_000,
      tokens: [],
      roots: [],
      rewrite: [],
      hosts: [],
      publicOrigin: null,
      maxSpool: null,
      maxQueue: 250_000,
      keepMs: 30 * 86_400_000,
      callbackHosts: [],
      callbackSecret: null,
      warnings: [],
    });
  });

  test("everything there is", async () => {
    const root = home.path;
    await home.write("token", `${SECRET}-file\n`);
    const config = await serve(
      `
      listen = "unix:/run/hoist/hoist.sock"
      socket_mode = "0660"
      parallel = 8
      grace = "2m"
      roots = ["${root}/", { path = "/nowhere/there", write = true }]
      rewrite = [["/downloads/", "/srv/media/"]]
      hosts = ["Hoist:7411", "[fd00::1]:80"]
      public_url = "https://hoist.example/"
      max_spool = "10G"
      max_queue = 5
      keep = "7d"
      callback_hosts = ["ci.example"]
      callback_secret = "whsec_${Buffer.alloc(24, 1).toString("base64")}"
      [[serve.tokens]]
      name = "ci"
      secret = { file = "token" }
      scopes = ["submit", "delete"]
      roots = ["/other"]
      [[serve.tokens]]
      name = "watch"
      secret = { env = "WATCH" }`,
      { env: { WATCH: SECRET } },
    );
    expect(config).toMatchObject({
      listen: { kind: "unix", path: "/run/hoist/hoist.sock" },
      socketMode: 0o660,
      parallel: 8,
      graceMs: 120_000,
      roots: [
        { path: root, write: false },
        { path: "/nowhere/there", write: true },
      ],
      rewrite: [["/downloads/", "/srv/media/"]],
      hosts: ["hoist:7411", "[fd00::1]:80"],
      publicOrigin: "https://hoist.example",
      maxSpool: 10 * 1024 ** 3,
      maxQueue: 5,
      keepMs: 7 * 86_400_000,
      callbackHosts: ["ci.example"],
    });
    expect(config.tokens).toEqual([
      { name: "ci", secret: `${SECRET}-file`, scopes: ["submit", "delete"], roots: [{ path: "/other", write: false }] },
      { name: "watch", secret: SECRET, scopes: ["submit", "read"], roots: config.roots },
    ]);
    expect(config.warnings).toContain("the root /nowhere/there is not there");
  });

  test("a root is what its symlinks lead to", async () => {
    await symlink(home.path, join(home.path, "link"));
    expect((await serve(`roots = ["${home.path}/link"]`)).roots).toEqual([{ path: home.path, write: false }]);
  });

  test("environment over file, flags over environment", async () => {
    const env = {
      HOIST_SERVE_LISTEN: "127.0.0.1:1",
      HOIST_SERVE_TOKEN: SECRET,
      HOIST_SERVE_ROOTS: `${home.path}:/other/place`,
      HOIST_SERVE_HOSTS: "hoist:7411, other",
    };
    const lines = 'listen = "127.0.0.1:9"\nroots = ["/of/the/file"]\nparallel = 2';
    const fromEnv = await serve(lines, { env });
    expect(fromEnv.listen).toEqual({ kind: "tcp", hostname: "127.0.0.1", port: 1 });
    expect(fromEnv.roots.map(({ path }) => path)).toEqual([home.path, "/other/place"]);
    expect(fromEnv.hosts).toEqual(["hoist:7411", "other"]);
    expect(fromEnv.tokens).toEqual([
      { name: "environment", secret: SECRET, scopes: ["submit", "read"], roots: fromEnv.roots },
    ]);
    const flags = { listen: "[::1]:0", parallel: 9, graceMs: 5, allowHosts: ["x:1"] };
    const fromFlags = await serve(lines, { env, flags });
    expect(fromFlags).toMatchObject({
      listen: { kind: "tcp", hostname: "::1", port: 0 },
      parallel: 9,
      graceMs: 5,
      hosts: ["hoist:7411", "other", "x:1"],
    });
  });

  test("the token's file", async () => {
    const path = await home.write("env-token", `${SECRET}\n`);
    expect((await serve("", { env: { HOIST_SERVE_TOKEN_FILE: path } })).tokens[0]?.secret).toBe(SECRET);
    const both = { HOIST_SERVE_TOKEN_FILE: path, HOIST_SERVE_TOKEN: SECRET };
    expect((await failure(serve("", { env: both }))).message).toContain("both set");
  });

  test.each([
    ["serve.lissten is not a known key; the nearest is listen", 'lissten = "canary"'],
    ["serve.listen must be host:port", 'listen = "canary"'],
    ["serve.socket_mode must be a text such as 0660", "socket_mode = 660"],
    ["serve.parallel must be a whole number", "parallel = 0"],
    ["serve.roots[0] must be an absolute path", 'roots = ["canary"]'],
    ["serve.roots[0].wriet is not a known key", 'roots = [{ path = "/a", wriet = true }]'],
    ["serve.tokens[0].secret is missing", '[[serve.tokens]]\nname = "canary"'],
    [
      "serve.tokens[0].scopes[0] must be one of submit",
      '[[serve.tokens]]\nname = "a"\nsecret = "b"\nscopes = ["canary"]',
    ],
    [
      "serve.tokens has a name twice",
      '[[serve.tokens]]\nname = "a"\nsecret = "b"\n[[serve.tokens]]\nname = "a"\nsecret = "c"',
    ],
    ["serve.hosts[0] must be a host", 'hosts = ["https://canary"]'],
    ["serve.public_url must be a URL", 'public_url = "https://u:canary@x"'],
    [
      "serve.tokens[0].secret: the token is shorter than 24 bytes",
      `[[serve.tokens]]\nname = "a"\nsecret = "canary-canary-canary-23"`,
    ],
    [
      "serve.tokens[0].secret: the token has characters",
      `[[serve.tokens]]\nname = "a"\nsecret = "canary canary canary canary"`,
    ],
    ["serve.tokens[0].secret: its variable is not set", `[[serve.tokens]]\nname = "a"\nsecret = { env = "NOT_THERE" }`],
    [
      "the token c has the secret of another",
      `[[serve.tokens]]\nname = "b"\nsecret = "canary-canary-canary-canary"\n[[serve.tokens]]\nname = "c"\nsecret = "canary-canary-canary-canary"`,
    ],
    ["serve.callback_secret: the secret is not whsec_", 'callback_secret = "canary"'],
    ["others can reach 0.0.0.0:0, and no token is configured", 'listen = "0.0.0.0:0"'],
  ])("%s", async (message, lines) => {
    const error = await failure(serve(lines));
    expect(error.message).toContain(message);
    expect(error.exit).toBe(2);
    expect(`${error.message} ${error.hint}`).not.toContain("canary");
  });

  test.each([
    ["HOIST_SERVE_LISTEN", "7411"],
    ["HOIST_SERVE_ROOTS", "relative"],
    ["HOIST_SERVE_HOSTS", "https://canary"],
    ["HOIST_SERVE_TOKEN", "canary"],
  ])("a wrong %s", async (name, value) => {
    const error = await failure(serve("", { env: { [name]: value } }));
    expect(error.exit).toBe(2);
    expect(error.message).toContain(name);
    expect(error.message).not.toContain("canary");
  });

  test.each([[{ listen: "0.0.0.0" }], [{ listen: ":7411" }], [{ allowHosts: ["a b"] }]])(
    "a wrong flag %j",
    async (flags) => {
      expect((await failure(serve("", { flags }))).code).toBe("usage");
    },
  );

  test("with a token it may be reached from elsewhere", async () => {
    const { listen } = await serve('listen = "0.0.0.0:7411"', { env: { HOIST_SERVE_TOKEN: SECRET } });
    expect(listen).toEqual({ kind: "tcp", hostname: "0.0.0.0", port: 7411 });
  });

  test("Windows offers no files of its own", async () => {
    const windows = { platform: "win32" as const };
    expect((await failure(serve('roots = ["/a"]', windows))).exit).toBe(2);
    expect((await serve("", windows)).roots).toEqual([]);
  });

  test("a literal token in a file that others can read", async () => {
    const toml = `[[serve.tokens]]\nname = "a"\nsecret = "canary-canary-canary-canary"`;
    expect((await home.load(toml)).serve?.tokens).toHaveLength(1);
    const error = await failure(home.load(toml, {}, 0o644));
    expect(error.message).toContain("serve.tokens");
    expect(error.message).not.toContain("canary");
  });
});

describe("an address to listen on", () => {
  test.each([
    ["127.0.0.1:7411", { kind: "tcp", hostname: "127.0.0.1", port: 7411 }],
    ["localhost:0", { kind: "tcp", hostname: "localhost", port: 0 }],
    ["[::1]:65535", { kind: "tcp", hostname: "::1", port: 65_535 }],
    ["unix:/run/x.sock", { kind: "unix", path: "/run/x.sock" }],
    ["unix:///run/x.sock", { kind: "unix", path: "/run/x.sock" }],
  ] as const)("%s", (text, address) => {
    expect(parseListen(text)).toEqual(address);
  });

  test.each([
    "",
    "7411",
    ":7411",
    "*:7411",
    "127.0.0.1",
    "127.0.0.1:65536",
    "::1:80",
    "[127.0.0.1]:80",
    "[::1]",
    "999.1.1.1:80",
    "1.2.3:80",
    "unix:relative",
    "http://127.0.0.1:80",
    "a b:80",
  ])("not %j", (text) => {
    expect(parseListen(text)).toBeNull();
  });
});
