import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { COMMANDS } from "../../src/cli/commands.ts";
import type { CommandTree } from "../../src/cli/context.ts";
import { start } from "./kit/run.ts";

const home = mkdtempSync(join(tmpdir(), "hoist-build-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const env = { PATH: process.env.PATH ?? "", HOME: home, HOIST_STATE_DIR: join(home, "state") };

const run = (args: readonly string[], cwd: string) => start(args, { env, cwd }).ended;

function directory(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(home, name);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(path, file, ".."), { recursive: true });
    writeFileSync(join(path, file), content);
  }
  return path;
}

test("the binary knows its version", async () => {
  for (const flag of ["--version", "-V"]) {
    expect(await run([flag], home)).toMatchObject({ code: 0, out: `hoist ${manifest.version}\n`, err: "" });
  }
});

test("nothing in the working directory configures it or runs in it", async () => {
  const trap = `require("node:fs").writeFileSync(${JSON.stringify(join(home, "trapped"))}, "");`;
  const hostile = directory("hostile", {
    "bunfig.toml": 'preload = ["./trap.cjs"]\n[run]\npreload = ["./trap.cjs"]\n',
    "trap.cjs": trap,
    ".env": "HOIST_UPLOADGIG_USER=planted\nHOIST_CONFIG=planted.toml\n",
    ".env.local": "HOIST_UPLOADGIG_USER=planted\n",
    ".env.production": "HOIST_UPLOADGIG_USER=planted\n",
    ".env.development": "HOIST_UPLOADGIG_USER=planted\n",
    "package.json": '{"name":"hostile","imports":{"#x":"./trap.cjs"},"type":"module"}',
    "tsconfig.json": '{"compilerOptions":{"paths":{"valibot":["./trap.cjs"]}}}',
    "node_modules/valibot/index.js": trap,
    "node_modules/citty/index.js": trap,
    "config.toml": "[planted]",
  });
  const { code, out, err } = await run(["account", "list", "--json"], hostile);
  expect(err).toBe("");
  expect(code).toBe(0);
  expect(out).not.toContain("planted");
  expect(existsSync(join(home, "trapped"))).toBe(false);
});

test("every command is in the binary and can be loaded from anywhere", async () => {
  const empty = directory("empty", { "a file": "" });
  const help = await Promise.all(
    paths(COMMANDS).map(async (path) => [path, await run([...path, "--help"], empty)] as const),
  );
  expect(help.length).toBeGreaterThan(10);
  for (const [path, { code, out, err }] of help) {
    expect({ path, code, err }).toEqual({ path, code: 0, err: "" });
    expect(out).toContain(`hoist ${path.join(" ")}`);
  }
});

function paths(tree: CommandTree, above: readonly string[] = []): string[][] {
  return Object.entries(tree).flatMap(([name, node]) =>
    "load" in node ? [[...above, name]] : paths(node.commands, [...above, name]),
  );
}
