import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { createApp } from "../../src/app.ts";
import type { CliIo } from "../../src/cli/io.ts";
import { runCli } from "../../src/cli/run.ts";
import { writeServerAddress } from "../../src/config/server-address.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary.ts";
import type { Ran } from "./fixture.ts";

let home: TemporaryDirectory;
beforeAll(() => {
  home = temporaryDirectory();
  mkdirSync(`${home.path}/media/dir`, { recursive: true });
  home.file("media/a.mkv", "a");
  home.file("outside.mkv", "o");
  symlinkSync(`${home.path}/outside.mkv`, `${home.path}/media/link.mkv`);
  home.file(
    "config.toml",
    `[serve]
     roots = ["${home.path}/media"]
     [hooks.sonarr]
     preset = "sonarr"
     to = ["ulozto:/Series"]
     auth = { basic = { user = "hoist", password = { env = "NOT_SET" } } }
     [hooks.backup]
     path = "$.files[*].path"
     to = ["ulozto:/Nightly", "uploadgig"]
     rewrite = [["/out", "${home.path}/media"]]
     when = [{ at = "$.status", equals = "success" }]`,
  );
});
afterAll(() => home[Symbol.dispose]());

/** The real configuration, on files of the test; standard input holds `stdin`. */
async function hoist(argv: readonly string[], stdin = "", env: Record<string, string> = {}): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const io: CliIo = {
    stdin: {
      async *[Symbol.asyncIterator]() {
        yield Buffer.from(stdin);
      },
    },
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    env: { HOIST_CONFIG: `${home.path}/config.toml`, HOIST_STATE_DIR: `${home.path}/state`, ...env },
    signal: new AbortController().signal,
    openApp: createApp,
  };
  const code = await runCli(argv, io);
  return { code, out: out.join(""), err: err.join("") };
}

const payload = (...paths: readonly string[]) =>
  JSON.stringify({ status: "success", files: paths.map((path) => ({ path })) });

describe("hooks list", () => {
  test("shows each URL and what to enter where, without reading a secret", async () => {
    const { code, out, err } = await hoist(["hooks", "list"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("sonarr (sonarr)  http://127.0.0.1:7411/hooks/sonarr\n");
    expect(out).toContain("    Webhook URL: http://127.0.0.1:7411/hooks/sonarr\n");
    expect(out).toContain("backup (generic)  http://127.0.0.1:7411/hooks/backup\n");
  });

  test("has URLs of the address in use", async () => {
    const urls = async (env: Record<string, string>) => {
      const { out } = await hoist(["hooks", "list", "--json"], "", env);
      return out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).url);
    };
    expect(await urls({ HOIST_SERVE_LISTEN: "[::1]:80" })).toEqual([
      "http://[::1]:80/hooks/sonarr",
      "http://[::1]:80/hooks/backup",
    ]);
    const state = `${home.path}/running`;
    await writeServerAddress(state, { url: "http://127.0.0.1:4321" });
    expect((await urls({ HOIST_STATE_DIR: state }))[0]).toBe("http://127.0.0.1:4321/hooks/sonarr");
  });

  test("says that there are none", async () => {
    const { code, err } = await hoist(["hooks", "list"], "", { HOIST_CONFIG: home.file("empty.toml", "") });
    expect(code).toBe(0);
    expect(err).toBe("note: no hooks are configured; see hoist help hooks\n");
  });
});

describe("hooks test", () => {
  test("shows every step from the payload to the job", async () => {
    const { code, out } = await hoist(["hooks", "test", "backup", home.file("p.json", payload("/out/a.mkv"))]);
    expect(code).toBe(0);
    expect(out.trim().split("\n")).toEqual([
      "hook backup (preset generic)",
      'when $.status equals "success": holds ("success")',
      "extracted path: /out/a.mkv",
      `after rewrite: ${home.path}/media/a.mkv`,
      "root: inside, a regular file",
      "job: to ulozto:/Nightly",
      "job: to uploadgig",
      "     name of the file, settle 0 s, no event id: each call makes a job",
    ]);
  });

  test.each([
    ["/out/a.mkv", "inside, a regular file", 0],
    ["/out/gone.mkv", "refused, nothing stands there", 4],
    ["/out/link.mkv", "refused, not below ", 4],
    ["/out/dir", "inside, a directory", 0],
    ["/out/../outside.mkv", "refused, not below ", 4],
    ["/etc/passwd", "refused, not below ", 4],
    ["/dev/null", "refused, not below ", 4],
  ])("judges %s", async (path, verdict, expected) => {
    const { code, out } = await hoist(["hooks", "test", "backup", "-"], payload(path));
    expect(out).toContain(`root: ${verdict}`);
    expect(code).toBe(expected);
    expect(out.includes("job: to ulozto:/Nightly\njob: to uploadgig\n")).toBe(expected === 0);
    expect(out.includes("no job; one would go to ulozto:/Nightly and uploadgig\n")).toBe(expected !== 0);
  });

  test("takes the roots of the environment", async () => {
    const path = `${home.path}/outside.mkv`;
    const { out } = await hoist(["hooks", "test", "backup", "-"], payload(path), { HOIST_SERVE_ROOTS: home.path });
    expect(out).toContain("root: inside, a regular file");
  });

  test.each([
    ['{"status":"failed"}', "skipped: when[0] does not hold ($.status)", 0],
    ['{"status":"success"}', "refused (source): ", 4],
    ["{", "refused (usage): ", 2],
    ["status=success", "refused (source): ", 4],
  ])("says what becomes of %s", async (body, line, expected) => {
    const { code, out } = await hoist(["hooks", "test", "backup", "-"], body);
    expect(out).toContain(line);
    expect(code).toBe(expected);
  });

  test("makes a payload up where the sender is known", async () => {
    const { code, out } = await hoist(["hooks", "test", "sonarr"]);
    expect(code).toBe(0);
    const path = `${home.path}/media/Example Series/Season 01/Example Series - S01E01.mkv`;
    expect(out.trim().split("\n")).toEqual([
      "hook sonarr (preset sonarr)",
      `extracted path: ${path}`,
      `after rewrite: ${path}`,
      "root: inside, where this made-up file would be",
      "job: to ulozto:/Series",
      "     name of the file, settle 0 s, queued once for the same file id and path",
    ]);
    const generic = await hoist(["hooks", "test", "backup"]);
    expect(generic.code).toBe(generic.out === "" ? 2 : 0);
  });

  test("a made-up payload is refused where a real one would be", async () => {
    for (const roots of ["", home.path]) {
      const config = home.file(
        "elsewhere.toml",
        `[hooks.tv]
         preset = "sonarr"
         to = ["ulozto:/Series"]
         rewrite = [["/tv", "/elsewhere"]]`,
      );
      const { code, out } = await hoist(["hooks", "test", "tv"], "", {
        HOIST_CONFIG: config,
        HOIST_SERVE_ROOTS: roots,
      });
      expect(code).toBe(4);
      expect(out).toContain(`root: refused, ${roots === "" ? "no roots are configured" : "not below "}`);
      expect(out).not.toContain("\njob: ");
    }
  });

  test("refuses what it cannot know", async () => {
    const unknown = await hoist(["hooks", "test", "sonar"]);
    expect(unknown).toMatchObject({ code: 4, out: "" });
    expect(unknown.err).toContain("did you mean sonarr?");
    expect((await hoist(["hooks", "test", "sonarr", `${home.path}/no.json`])).code).toBe(4);
    expect((await hoist(["hooks", "test", "backup", "-"], "x".repeat(65 * 1024))).code).toBe(7);
  });
});
