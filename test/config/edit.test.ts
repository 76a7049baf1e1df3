import { afterAll, describe, expect, test } from "bun:test";
import { lstat, readdir, stat, symlink } from "node:fs/promises";
import fc from "fast-check";
import { addAccount, removeAccount } from "../../src/config/edit.ts";
import { loadConfig } from "../../src/config/load.ts";
import { failure, HOSTS, Home } from "./fixture.ts";

const home = new Home();
afterAll(() => home[Symbol.dispose]());

const read = (path: string) => Bun.file(path).text();
const me = { name: "plain", host: "plain", user: "me", secrets: { password: "s3cret" } };

describe("adding an account", () => {
  test("makes the file and its directory, for the owner alone", async () => {
    const path = `${home.path}/new/deep/config.toml`;
    await addAccount(path, me);
    expect(await read(path)).toBe('[accounts.plain]\nhost = "plain"\nuser = "me"\npassword = "s3cret"\n');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(`${home.path}/new`)).mode & 0o777).toBe(0o700);
    expect(await readdir(`${home.path}/new/deep`)).toEqual(["config.toml"]);
  });

  test("keeps what stands there, comments included, and closes the file", async () => {
    const text = '# mine\n[up]   # defaults\nto = ["plain"]';
    const path = await home.write("open.toml", text, 0o644);
    await addAccount(path, me);
    expect(await read(path)).toStartWith(`${text}\n\n[accounts.plain]\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test("any secret comes back as it was given", async () => {
    const secret = fc.oneof(
      fc.string({ unit: "binary", minLength: 1 }),
      fc.constantFrom('"', "\\", "'''", "\n#\r\n", "\x7f", " x ", "]\n[up]"),
    );
    await fc.assert(
      fc.asyncProperty(secret, secret, async (password, user) => {
        const path = await home.write("any.toml", "# first\n");
        await addAccount(path, { ...me, user, secrets: { password } });
        const config = await loadConfig({
          hosts: HOSTS,
          config: path,
          place: { env: {}, platform: "linux", home: "/" },
        });
        expect(await config.accounts.get("plain")?.credentials()).toEqual({ user, password });
      }),
      { numRuns: 100 },
    );
  });

  test("a file of a form that cannot take a section is left alone", async () => {
    const text = 'accounts = { keyed = { user = "me" } }\n';
    const path = await home.write("inline.toml", text);
    const error = await failure(addAccount(path, me));
    expect(error.code).toBe("config");
    expect(`${error.message} ${error.hint}`).not.toContain("s3cret");
    expect(await read(path)).toBe(text);
  });

  test("a symlink stays one", async () => {
    const target = await home.write("dotfiles.toml", "");
    await symlink(target, `${home.path}/link.toml`);
    await addAccount(`${home.path}/link.toml`, me);
    expect((await lstat(`${home.path}/link.toml`)).isSymbolicLink()).toBe(true);
    expect(await read(target)).toContain("[accounts.plain]");
  });

  test("a symlink to a file that is not there yet stays one, too", async () => {
    await symlink("later/config.toml", `${home.path}/early.toml`);
    await symlink("early.toml", `${home.path}/earlier.toml`);
    await addAccount(`${home.path}/earlier.toml`, me);
    expect((await lstat(`${home.path}/early.toml`)).isSymbolicLink()).toBe(true);
    expect((await lstat(`${home.path}/earlier.toml`)).isSymbolicLink()).toBe(true);
    expect(await read(`${home.path}/later/config.toml`)).toContain("[accounts.plain]");
  });

  test("what is no regular file is not replaced by one", async () => {
    const path = `${home.path}/pipe`;
    await Bun.$`mkfifo ${path}`;
    const writer = Bun.spawn(["sh", "-c", ': > "$0"', path]);
    expect(await failure(addAccount(path, me))).toMatchObject({ code: "config" });
    await writer.exited;
    expect((await lstat(path)).isFIFO()).toBe(true);
  });

  test("a directory that cannot be written is an error of this machine", async () => {
    const file = await home.write("file", "");
    expect((await failure(addAccount(`${file}/config.toml`, me))).code).toBe("state");
  });
});

describe("removing an account", () => {
  test("takes its section out and nothing else", async () => {
    const path = await home.write(
      "remove.toml",
      '# head\n[up]\nto = [\n  "keyed:/a",\n]\n\n# about plain\n[accounts.plain] # x\nuser = "me"\n\npassword = "s"\n\n# about keyed\n[accounts.keyed]\nuser = "you"\n',
    );
    await removeAccount(path, "plain");
    expect(await read(path)).toBe(
      '# head\n[up]\nto = [\n  "keyed:/a",\n]\n\n# about plain\n\n# about keyed\n[accounts.keyed]\nuser = "you"\n',
    );
  });

  test("takes its sub-tables with it, and what it added itself", async () => {
    const before = '[accounts.keyed]\nuser = "you"\n';
    const path = await home.write(
      "sub.toml",
      `${before}[accounts.plain]\nuser = "me"\n[accounts.plain.password]\nenv = "X"\n`,
    );
    await removeAccount(path, "plain");
    expect(await read(path)).toBe(before);
    await addAccount(path, me);
    await removeAccount(path, "plain");
    expect((await read(path)).trimEnd()).toBe(before.trimEnd());
  });

  test.each([
    'accounts.plain.user = "me"\n',
    'accounts = { plain = { user = "me" } }\n',
    '[accounts]\nplain = { user = "me" }\n',
    '[accounts.plain]\nuser = """\n[up]\n"""\n',
  ])("%j is left alone", async (text) => {
    const path = await home.write("other.toml", text);
    expect((await failure(removeAccount(path, "plain"))).code).toBe("config");
    expect(await read(path)).toBe(text);
  });
});
