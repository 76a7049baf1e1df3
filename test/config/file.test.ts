import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseConfig } from "../../src/config/read-file.ts";
import { failure, Home } from "./fixture.ts";

const home = new Home();
afterAll(() => home[Symbol.dispose]());

describe("the config file", () => {
  test("without one everything has its default", async () => {
    const config = await home.load(null);
    expect(config.path).toBeNull();
    expect(config.retryBaseMs).toBe(1000);
    expect(config.up.to).toEqual([]);
    expect([...config.accounts.keys()]).toEqual(["plain", "keyed"]);
  });

  test("one that was asked for must exist", async () => {
    const missing = `${home.path}/none.toml`;
    const error = await failure(home.load(null, { HOIST_CONFIG: missing }));
    expect(error.code).toBe("config");
    expect(error.message).toContain(missing);
    expect((await failure(home.load(null, { HOIST_CONFIG: home.path }))).message).toContain("directory");
  });

  test.skipIf(process.platform === "win32")(
    "a device that has nothing is an empty one, and its mode its own",
    async () => {
      const { up, warnings } = await home.load(null, { HOIST_CONFIG: "/dev/null" });
      expect({ to: up.to, warnings }).toEqual({ to: [], warnings: [] });
    },
  );

  test("[up] is parsed into numbers", async () => {
    const { up, retryBaseMs } = await home.load(
      `[up]
       to = ["keyed:/a", "plain"]
       parallel = 8
       retries = 0
       retry_base = "250ms"
       limit_rate = "08:00,800K 23:30,off"
       format = "{url}"
       after = "move:/done"`,
    );
    expect(retryBaseMs).toBe(250);
    expect(up).toEqual({
      to: ["keyed:/a", "plain"],
      parallel: 8,
      retries: 0,
      format: "{url}",
      after: { do: "move", directory: "/done" },
      limitRate: [
        { minuteOfDay: 480, rate: 800 * 1024 },
        { minuteOfDay: 1410, rate: null },
      ],
    });
  });

  test("HOIST_RETRY_BASE beats [up] retry_base and must be a duration", async () => {
    const toml = '[up]\nretry_base = "2s"';
    expect((await home.load(toml, { HOIST_RETRY_BASE: "10ms" })).retryBaseMs).toBe(10);
    expect((await home.load(toml, { HOIST_RETRY_BASE: "" })).retryBaseMs).toBe(2000);
    const error = await failure(home.load(toml, { HOIST_RETRY_BASE: "soon" }));
    expect(error.code).toBe("config");
    expect(error.message).toContain("HOIST_RETRY_BASE");
  });

  test.each([
    ["[acounts.plain]\n", "acounts is not a known key; the nearest is accounts"],
    ["[accounts.plain]\npasswrod = 'canary'", "accounts.plain.passwrod is not a known key; the nearest is password"],
    ["[up]\nparalel = 2", "up.paralel is not a known key; the nearest is parallel"],
    ["[up]\n'a b' = 2", 'up."a b" is not a known key; the nearest is to'],
    [
      "[accounts.plain]\npassword = { flie = 'canary' }",
      "accounts.plain.password.flie is not a known key; the nearest is file",
    ],
    ["[accounts.plain]\npassword = { file = 'a', env = 'canary' }", "accounts.plain.password.env is not a known key"],
    ["[accounts.plain]\npassword = {}", "accounts.plain.password must be a string, { file"],
    ["[accounts.plain]\npassword = ''", "accounts.plain.password must not be empty"],
    ["[accounts.plain]\npassword = 12345", "accounts.plain.password must be a string"],
    ["[accounts.plain]\npassword = { command = 'canary' }", "accounts.plain.password.command must be a list"],
    ["[accounts.plain]\npassword = { command = [] }", "accounts.plain.password.command"],
    ["[accounts.Plain]\nuser = 'canary'", "accounts.Plain is no account name"],
    ["accounts = 'canary'", "accounts must be a table"],
    ["up = 'canary'", "up must be a table"],
    ["[accounts]\nplain = 'canary'", "accounts.plain must be a table"],
    ["[up]\nto = 'canary'", "up.to must be a list"],
    ["[up]\nto = ['a', 3]", "up.to[1] must be a string"],
    ["[up]\nparallel = 0", "up.parallel must be a whole number from 1 to 64"],
    ["[up]\nparallel = 'canary'", "up.parallel must be a whole number"],
    ["[up]\nlimit_rate = 'canary'", "up.limit_rate must be"],
    ["[up]\nafter = 'canary'", "up.after must be keep, delete or move:DIR"],
    ["[accounts.other]\nuser = 'canary'", "accounts.other.host is missing"],
    ["[accounts.other]\nhost = 'canary'", "accounts.other.host names no known host"],
    ["[accounts.plain]\ntoken = 'canary'", "accounts.plain.token: PLAIN takes no such secret"],
    ["[accounts.plain]\nurl = 'http://canary.example'", "accounts.plain.url: plain http"],
  ])("%j fails with its key path and no value", async (toml, message) => {
    const error = await failure(home.load(toml));
    expect(error.code).toBe("config");
    expect(error.message).toContain(message);
    expect(`${error.message} ${error.hint}`).not.toContain("canary");
  });

  test.each([
    ["[up]\nto = ['a'\npassword = 'canary'", 3],
    ["\n\npassword = 'canary", 3],
    ["[accounts.plain]\npassword = can ary", 2],
    ["password = 'canary'\npassword = 'canary'", 2],
    ["\r\n[up\r\ncanary = 1", 2],
    ["n = 0xcanaryz", 1],
  ])("the syntax error in %j names its line, not its text", async (toml, line) => {
    const error = await failure(home.load(toml));
    expect(error.code).toBe("config");
    expect(error.message).toContain(`line ${line} `);
    expect(`${error.message} ${error.hint}`).not.toMatch(/can ?ary/);
  });

  test("no value ever gets into a message, whatever is wrong", async () => {
    const canary = "c4n4ry";
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constant(`"${canary}"`),
        fc.constant("123454321"),
        fc.array(tie("value"), { maxLength: 2 }).map((items) => `[${items.join(", ")}]`),
        fc.dictionary(fc.constantFrom("file", "env", "command", "user", "x"), tie("value"), { maxKeys: 2 }).map(
          (table) =>
            `{ ${Object.entries(table)
              .map(([key, inner]) => `${key} = ${inner}`)
              .join(", ")} }`,
        ),
      ),
    })).value as fc.Arbitrary<string>;
    const key = fc.constantFrom(
      "up.to",
      "up.parallel",
      "up.after",
      "up.x",
      "accounts.plain.password",
      "accounts.plain.user",
      "accounts.plain",
      "accounts",
      "up",
    );
    await fc.assert(
      fc.asyncProperty(key, value, async (path, written) => {
        const error = await parseConfig("config.toml", `${path} = ${written}`).then(
          () => null,
          (thrown) => thrown,
        );
        if (error === null) return;
        expect(error.code).toBe("config");
        expect(`${error.message} ${error.hint}`).not.toContain(canary);
        expect(`${error.message} ${error.hint}`).not.toContain("123454321");
      }),
      { numRuns: 300 },
    );
  });
});

describe("who may read it", () => {
  const literal = '[accounts.plain]\nuser = "me"\npassword = "canary"';
  test.each([0o644, 0o640, 0o604, 0o660, 0o602])("a literal secret in a file of mode %o is refused", async (mode) => {
    const error = await failure(home.load(literal, {}, mode));
    expect(error.code).toBe("config");
    expect(error.message).toContain("accounts.plain.password");
    expect(error.hint).toBe(`chmod 600 ${home.path}/config.toml`);
    expect(`${error.message} ${error.hint}`).not.toContain("canary");
  });

  test("closed files, and files without a literal secret, are fine", async () => {
    await home.load(literal, {}, 0o600);
    await home.load(literal, {}, 0o400);
    const open = await home.load('[accounts.plain]\nuser = "me"\npassword = { env = "X" }', {}, 0o644);
    expect(open.warnings).toEqual([]);
  });

  test("a file that anybody can change is warned of", async () => {
    const { warnings } = await home.load('[up]\nto = ["plain"]', {}, 0o646);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("chmod 600");
  });
});
