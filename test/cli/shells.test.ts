import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./fixture.ts";

let home = "";
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "hoist-shells-"));
  writeFileSync(join(home, "afile"), "");
  for (const shell of ["bash", "zsh", "fish"]) {
    writeFileSync(join(home, shell), (await run(["completions", shell])).out);
  }
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function shell(argv: readonly string[], input = ""): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync([...argv], {
    cwd: home,
    stdin: Buffer.from(input),
    env: { PATH: process.env.PATH ?? "", HOME: home, LC_ALL: "C.UTF-8" },
  });
  expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
  return stdout.toString();
}

/** Words before the cursor, and what may stand there. */
const CASES: readonly (readonly [words: readonly string[], expected: readonly string[]])[] = [
  [["acc"], ["account"]],
  [
    ["account", ""],
    ["add", "captcha", "check", "list", "pause", "remove", "resume"],
  ],
  [["account", "add", "--us"], ["--user"]],
  [["up", "--dry"], ["--dry-run"]],
  [["-q", "--config", "up", "history", "--fai"], ["--failed"]],
  [
    ["up", "x", "--progress", ""],
    ["auto", "always", "never"],
  ],
  [["up", "x", "--format", "m"], ["markdown"]],
  [["history", "--format", "afi"], []],
  [
    ["up", "x", "--after", ""],
    ["keep", "delete"],
  ],
  [
    ["completions", ""],
    ["bash", "zsh", "fish"],
  ],
  [["help", "exit"], ["exit-codes"]],
  [["serve", "token", ""], ["new"]],
];

const BASH_COMPLETE = `source ./bash
COMP_WORDS=(hoist "$@"); COMP_CWORD=$#; _hoist
printf '%s\\n' "\${COMPREPLY[@]}"`;

describe.skipIf(Bun.which("bash") === null)("bash", () => {
  const complete = (words: readonly string[]) =>
    shell(["bash", "--norc", "-c", BASH_COMPLETE, "-", ...words])
      .split("\n")
      .filter((line) => line !== "");

  test.each(CASES)("%p", (words, expected) => expect(complete(words).toSorted()).toEqual(expected.toSorted()));

  test("behind an equals sign", () => expect(complete(["up", "--group-by", "=", "ho"])).toEqual(["host"]));

  test("leaves files to the shell", () => {
    expect(complete(["up", "afi"])).toEqual([]);
    expect(complete(["up", "--files-from", "afi"])).toEqual([]);
    expect(shell(["bash", "--norc", "-c", "source ./bash; complete -p hoist"])).toContain("-o default");
  });
});

describe.skipIf(Bun.which("fish") === null)("fish", () => {
  const complete = (words: readonly string[]) =>
    shell(["fish", "--no-config", "-c", "source ./fish; complete -C $argv[1]", `hoist ${words.join(" ")}`])
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split("\t")[0] ?? "");

  test.each(CASES)("%p", (words, expected) => expect(complete(words).toSorted()).toEqual(expected.toSorted()));

  test("files where a command takes them, and nowhere else", () => {
    expect(complete(["up", "afi"])).toEqual(["afile"]);
    expect(complete(["up", "--files-from", "afi"])).toEqual(["afile"]);
    expect(complete(["doctor", "afi"])).toEqual([]);
    expect(complete(["serve", "token", "new", ""])).toEqual([]);
  });
});

/** Completes lines in a zsh on a terminal of its own; after a blank line each, what it would offer. */
const ZSH_COMPLETE = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "source ./zsh-setup"
for line; do
  rm -f found ended
  zpty -w -n z $'\\C-u'"$line"$'\\t'
  for try in {1..1000}; do [[ -e ended ]] && break; sleep 0.01; done
  print; cat found
done`;
const ZSH_SETUP = `autoload -Uz compinit; compinit -u -D; source ./zsh
setopt no_beep; PS1=; zstyle ':completion:*' verbose no
compadd() {
  local -a hits
  if [[ -z \${(M)\${@[1,(i)(-|--)]}:#-[a-zA-Z]#[OAD]} ]]; then
    builtin compadd -A hits "$@"; print -rl -- $hits >> found
  fi
  builtin compadd "$@"
}
ended() { comppostfuncs=(ended); : > ended }; comppostfuncs=(ended)
`;

describe.skipIf(Bun.which("zsh") === null)("zsh", () => {
  beforeAll(() => writeFileSync(join(home, "zsh-setup"), ZSH_SETUP));
  test("offers what the others do, and files where a command takes them", () => {
    const cases = [...CASES, [["up", "afi"], ["afile"]] as const];
    const lines = cases.map(([words]) => `hoist ${words.join(" ")}`);
    const offered = shell(["zsh", "-f", "-c", ZSH_COMPLETE, "-", ...lines])
      .split("\n\n")
      .map((found) => [...new Set(found.split("\n").filter((line) => line !== ""))].toSorted());
    expect(offered.map((found, index) => [lines[index], found])).toEqual(
      cases.map(([, expected], index) => [lines[index], expected.toSorted()]),
    );
  });
});

describe("man", () => {
  test("has every command, option and topic", async () => {
    const { code, out } = await run(["man"]);
    expect(code).toBe(0);
    for (const word of [
      "hoist up",
      "hoist account add",
      "\\-\\-limit\\-rate RATE",
      ".SH EXIT STATUS",
      ".SH ENVIRONMENT",
    ]) {
      expect(out).toContain(word);
    }
    expect(out).not.toMatch(/^'|^\.(?!TH|SH|SS|PP|TP|B |nf|fi)/m);
  });

  test.skipIf(Bun.which("groff") === null)("groff has nothing to complain about", async () => {
    const { out } = await run(["man"]);
    expect(shell(["groff", "-man", "-ww", "-Kutf8", "-Tutf8"], out)).toContain("upload files");
  });
});
