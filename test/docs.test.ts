import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { COMMANDS } from "../src/cli/commands.ts";
import type { CommandNode } from "../src/cli/context.ts";
import { TOPIC_NAMES, TOPICS } from "../src/cli/topics.ts";
import { buildAccounts } from "../src/config/accounts.ts";
import { PRESETS } from "../src/config/hooks-schema.ts";
import { parseConfig } from "../src/config/read-file.ts";
import { serve } from "../src/config/serve-schema.ts";
import { unknownVariables } from "../src/config/variables.ts";
import { ERROR_CLASSES } from "../src/errors.ts";
import { HOSTS } from "../src/hosts/registry.ts";
import { COMMON_FAULTS } from "../src/hosts/sandbox-faults.ts";
import { compileHook } from "../src/server/hooks/compile.ts";
import { serverRoutes } from "../src/server/routes.ts";

const ROOT = join(import.meta.dir, "..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** The first column of every table row, code marks taken off. */
function firstCells(markdown: string): string[] {
  return [...markdown.matchAll(/^\| *(?!-)([^|]+?) *\|/gm)].map((match) => (match[1] ?? "").replaceAll("`", ""));
}

/** Code of one language, from every page. */
function blocks(language: string): [page: string, code: string][] {
  return pages.flatMap((page) =>
    [...read(page).matchAll(new RegExp(`^\\x60{3}${language}\\n([\\s\\S]*?)^\\x60{3}`, "gm"))].map(
      (match): [string, string] => [page, match[1] ?? ""],
    ),
  );
}

/** Everything that stands in code marks or blocks. */
const code = pages
  .flatMap((page) => [...read(page).matchAll(/`[^`\n]+`|^```\w*\n[\s\S]*?^```/gm)].map(([text]) => text))
  .join("\n");

describe("the documentation", () => {
  test("README lists every command", () => {
    const listed = firstCells(read("README.md")).join("\n");
    for (const name of Object.keys(COMMANDS)) expect(listed).toContain(`hoist ${name}`);
  });

  test("every exit code and error code stands where it should", () => {
    const readme = firstCells(read("README.md")).join(" ");
    const page = read("docs/exit-codes.md");
    for (const [code, { exit, retry }] of Object.entries(ERROR_CLASSES)) {
      expect(page).toContain(`| \`${code}\` | ${exit} | ${retry ? "yes" : "no"} |`);
      if (exit < 100) expect(readme).toMatch(new RegExp(`\\b${exit}\\b`));
    }
    const codes = [...page.matchAll(/^\| `([a-z_]+)` \|/gm)].map((match) => match[1] ?? "");
    expect(codes.filter((code) => !Object.hasOwn(ERROR_CLASSES, code))).toEqual([]);
  });

  test("the example of a configuration file is one", async () => {
    const toml = /```toml\n([\s\S]*?)```/.exec(read("docs/configuration.md"))?.[1] ?? "";
    expect(toml).toContain("[accounts.uploadgig]");
    expect(Object.keys((await parseConfig("example.toml", toml)).accounts ?? {})).toEqual(["uploadgig", "work"]);
  });

  test.each(blocks("toml"))("a configuration in %s is one", async (page, toml) => {
    const { hooks = {}, up } = await parseConfig(page, toml);
    const accounts = buildAccounts({ hosts: HOSTS, env: {}, file: null });
    for (const [name, section] of Object.entries(hooks)) {
      const defaults = { to: up?.to ?? [], roots: [] };
      await compileHook({ name, section, secret: null, accounts, defaults });
    }
  });

  test("every key of the server has a row", () => {
    const rows = firstCells(read("docs/configuration.md"));
    for (const key of Object.keys(serve.entries)) expect(rows.join("\n")).toMatch(new RegExp(`\\b${key}\\b`));
  });

  test("every variable that is spoken of means something, and the server's are all told", () => {
    const names = [...new Set(`${code}\n${Object.values(TOPICS).join("\n")}`.match(/\bHOIST_[A-Z_]*[A-Z]\b/g) ?? [])];
    const server = ["LISTEN", "TOKEN", "TOKEN_FILE", "ROOTS", "HOSTS"].map((name) => `HOIST_SERVE_${name}`);
    for (const name of [...server, "HOIST_SERVER", "HOIST_TOKEN", "HOIST_TOKEN_FILE"]) expect(names).toContain(name);
    const env = { HOIST_WORK_HOST: "ulozto", HOIST_MY_DISK_HOST: "ulozto" };
    const accounts = buildAccounts({ hosts: HOSTS, env, file: null });
    const set = Object.fromEntries(names.map((name) => [name, "x"]));
    expect(unknownVariables(set, accounts.values())).toEqual([]);
  });

  test("every command that is spoken of exists", () => {
    const spoken = [...code.matchAll(/\bhoist (?:--\S+ )*([a-z]+)(?: ([a-z]+))?(?: ([a-z]+))?/g)];
    expect(spoken.length).toBeGreaterThan(50);
    for (const [text, ...words] of spoken) {
      let node: CommandNode | undefined;
      let tree = COMMANDS;
      for (const word of words) {
        const next: CommandNode | undefined = word === undefined ? undefined : tree[word];
        // Behind a command that can run stand its operands.
        if (next === undefined && node !== undefined && "load" in node) break;
        if (word === undefined && node !== undefined) break;
        expect({ text, known: next !== undefined }).toEqual({ text, known: true });
        node = next;
        tree = (next !== undefined && "commands" in next ? next.commands : undefined) ?? {};
      }
    }
    for (const topic of TOPIC_NAMES) expect(read("README.md")).toContain(topic);
  });

  test("every route, preset and status is there", () => {
    const api = firstCells(read("docs/api.md"));
    for (const { method, path } of serverRoutes({} as never)) {
      expect(api.flatMap((cell) => cell.split(", "))).toContain(`${method} ${path}`);
    }
    const statuses = read("docs/api.md").split("| status | codes |")[1] ?? "";
    for (const [, { http }] of Object.entries(ERROR_CLASSES).slice(-9)) expect(statuses).toContain(String(http));
    const presets = firstCells(read("docs/hooks.md")).join(" ");
    for (const preset of PRESETS) expect(presets).toContain(preset);
  });

  test("the sandbox's common faults are all there", () => {
    const listed = firstCells(read("docs/sandbox.md")).join(" ");
    for (const fault of Object.keys(COMMON_FAULTS)) expect(listed).toContain(fault.replace("…599", ""));
  });

  test("every package has its reason", () => {
    const listed = firstCells(read("CONTRIBUTING.md")).join(" ");
    const own = ["@biomejs/biome", "bun-types", "typescript"];
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
      if (!own.includes(name)) expect(listed).toContain(name);
    }
  });

  test.each(pages)("%s links to what exists", (page) => {
    const text = read(page);
    const prose = text.replace(/^```[\s\S]*?^```|`[^`\n]*`/gm, "");
    const targets = [...prose.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)|src="(?!https?:)([^"]+)"/g)].map(
      (match) => match[1] ?? match[2] ?? "",
    );
    expect(targets.filter((target) => !existsSync(join(ROOT, page, "..", target)))).toEqual([]);
    const scripts = [...text.matchAll(/bun(?:@[\d.]+)? run ([\w:]+)/g)].map((match) => match[1] ?? "");
    expect(scripts.filter((name) => !Object.hasOwn(manifest.scripts, name))).toEqual([]);
  });
});
