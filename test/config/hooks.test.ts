import { afterAll, describe, expect, test } from "bun:test";
import { authKind, readHookSecret } from "../../src/config/hook-auth.ts";
import { type HookSection, PRESETS } from "../../src/config/hooks-schema.ts";
import { parseConfig } from "../../src/config/read-file.ts";
import { failure, Home } from "./fixture.ts";

const home = new Home();
afterAll(() => home[Symbol.dispose]());

async function sectionOf(lines: string): Promise<HookSection> {
  const { hooks } = await parseConfig("config.toml", `[hooks.x]\n${lines}`);
  if (hooks?.x === undefined) throw new Error("no section");
  return hooks.x;
}

describe("[hooks.NAME]", () => {
  test("everything there is", async () => {
    expect(
      await sectionOf(`
        preset = "sonarr"
        to = ["ulozto:/Series/{payload.series.title}"]
        base = "/srv/media/series"
        auth = { bearer = { file = "/run/secrets/hook" } }
        methods = ["POST", "GET"]
        rewrite = [["/downloads/", "/srv/media/"]]
        roots = ["/srv/media"]
        settle = "10s"
        path = "$.a[*].b"
        name = "$.n"
        when = [{ at = "$.s", equals = "x" }, { at = "$.n", in = [1, true] }, { at = "$.b", matches = "^r" }, { at = "$.d", exists = false }]`),
    ).toEqual({
      preset: "sonarr",
      to: ["ulozto:/Series/{payload.series.title}"],
      base: "/srv/media/series",
      auth: { bearer: { from: "file", path: "/run/secrets/hook" } },
      methods: ["POST", "GET"],
      rewrite: [["/downloads/", "/srv/media/"]],
      roots: ["/srv/media"],
      settle: 10_000,
      path: "$.a[*].b",
      name: "$.n",
      when: [
        { at: "$.s", equals: "x" },
        { at: "$.n", in: [1, true] },
        { at: "$.b", matches: "^r" },
        { at: "$.d", exists: false },
      ],
    });
  });

  test("generic by default, POST only, sent at once", async () => {
    expect(await sectionOf('path = "$.p"')).toEqual({
      preset: "generic",
      path: "$.p",
      methods: ["POST"],
      rewrite: [],
      settle: 0,
      when: [],
    });
  });

  test.each(PRESETS)("preset %s", async (preset) => {
    expect((await sectionOf(`preset = "${preset}"\npath = "$.p"`)).preset).toBe(preset);
  });

  test.each([
    ["hooks.x.presett is not a known key; the nearest is preset", 'presett = "canary"'],
    ["hooks.x.preset must be one of sonarr, radarr", 'preset = "canary"'],
    ["hooks.x.path is missing: the preset generic needs it", 'to = ["canary"]'],
    ["hooks.x.to must be a list", 'path = "$"\nto = "canary"'],
    ["hooks.x.to must name a destination", 'path = "$"\nto = []'],
    ["hooks.x.base must be an absolute path", 'path = "$"\nbase = "canary"'],
    ["hooks.x.roots[1] must be an absolute path", 'path = "$"\nroots = ["/a", "canary"]'],
    ["hooks.x.methods[0] must be POST or GET", 'path = "$"\nmethods = ["CANARY"]'],
    ["hooks.x.settle must be seconds", 'path = "$"\nsettle = "canary"'],
    ["hooks.x.rewrite[0] must be a pair", 'path = "$"\nrewrite = ["canary"]'],
    ["hooks.x.rewrite[0][1] must be a string", 'path = "$"\nrewrite = [["canary"]]'],
    ["hooks.x.auth must have exactly one of bearer", 'path = "$"\nauth = {}'],
    ["hooks.x.auth must have exactly one of bearer", 'path = "$"\nauth = { bearer = "canary", github = "canary" }'],
    ["hooks.x.auth.baerer is not a known key; the nearest is bearer", 'path = "$"\nauth = { baerer = "canary" }'],
    ["hooks.x.auth.basic.password is missing", 'path = "$"\nauth = { basic = { user = "canary" } }'],
    ["hooks.x.auth.bearer.flie is not a known key", 'path = "$"\nauth = { bearer = { flie = "canary" } }'],
    ["hooks.x.when[0].at is missing", 'path = "$"\nwhen = [{ equals = "canary" }]'],
    ["hooks.x.when[0] must have exactly one of equals", 'path = "$"\nwhen = [{ at = "canary" }]'],
    [
      "hooks.x.when[1].eqauls is not a known key",
      'path = "$"\nwhen = [{ at = "$", exists = true }, { at = "$", eqauls = 1 }]',
    ],
  ])("%s", async (message, lines) => {
    const error = await failure(sectionOf(lines));
    expect(error.code).toBe("config");
    expect(error.message).toContain(message);
    expect(error.message.toLowerCase()).not.toContain("canary");
  });

  test("a name that could not stand in a URL", async () => {
    const error = await failure(parseConfig("c", '[hooks."a/b"]\npath = "$"'));
    expect(error.message).toContain('hooks."a/b" is no hook name');
  });

  test("a literal secret in a file that others can read", async () => {
    const toml = '[hooks.x]\npath = "$"\nauth = { basic = { user = "u", password = "canary" } }';
    expect((await home.load(toml)).path).not.toBeNull();
    const error = await failure(home.load(toml, {}, 0o644));
    expect(error.message).toContain("hooks.x.auth.basic.password");
    expect(error.message).not.toContain("canary");
  });
});

describe("the secret of a hook", () => {
  const place = () => ({ configPath: `${home.path}/config.toml`, env: { HOOK: "from the environment" } });

  test.each([
    ['{ bearer = "literal" }', { kind: "bearer", secret: "literal" }],
    ['{ standard = { env = "HOOK" } }', { kind: "standard", secret: "from the environment" }],
    ['{ github = { file = "secret" } }', { kind: "github", secret: "from a file" }],
    ['{ query_token = { command = ["printf", "from a command"] } }', { kind: "query_token", secret: "from a command" }],
    ['{ basic = { user = "u", password = { file = "secret" } } }', { kind: "basic", user: "u", secret: "from a file" }],
  ])("%s", async (toml, expected) => {
    await home.write("secret", "from a file\n");
    const { auth } = await sectionOf(`path = "$"\nauth = ${toml}`);
    if (auth === undefined) throw new Error("no auth");
    expect(authKind(auth)).toBe(expected.kind as ReturnType<typeof authKind>);
    expect(await readHookSecret("x", auth, place())).toEqual(expected as never);
  });

  test("a variable that is not set", async () => {
    const { auth } = await sectionOf('path = "$"\nauth = { bearer = { env = "NOT_SET" } }');
    if (auth === undefined) throw new Error("no auth");
    expect((await failure(readHookSecret("x", auth, place()))).message).toContain("hooks.x.auth.bearer");
  });
});
