import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { COMMANDS } from "../src/cli/commands.ts";
import { parseConfig } from "../src/config/read-file.ts";
import { ERROR_CLASSES } from "../src/errors.ts";
import { COMMON_FAULTS } from "../src/hosts/sandbox-faults.ts";

const ROOT = join(import.meta.dir, "..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`),
];

/** The first column of every table row, code marks taken off. */
function firstCells(markdown: string): string[] {
  return [...markdown.matchAll(/^\| *(?!-)([^|]+?) *\|/gm)].map((match) => (match[1] ?? "").replaceAll("`", ""));
}

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

  test("the sandbox's common faults are all there", () => {
    const listed = firstCells(read("docs/sandbox.md")).join(" ");
    for (const fault of Object.keys(COMMON_FAULTS)) expect(listed).toContain(fault.replace("…599", ""));
  });

  test("every package has its reason", () => {
    const listed = firstCells(read("CONTRIBUTING.md")).join(" ");
    for (const name of Object.keys(manifest.dependencies)) expect(listed).toContain(name);
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
