import { describe, expect, test } from "bun:test";
import { run } from "./fixture.ts";

const GROUPS = ["account", "jobs", "hooks", "config", "service"];

describe("help", () => {
  test.each([[[]], [["--help"]], [["-h"]], [["help"]], [["-q"]]])("%p prints the program's help, 0", async (argv) => {
    const { code, out, err } = await run(argv);
    expect(code).toBe(0);
    expect(err).toBe("");
    expect(out).toMatch(/^hoist \d.*\n\nExamples:\n/);
    expect(out).toContain("\n  up ");
  });

  test.each([
    [["up", "--help"]],
    [["--help", "up"]],
    [["help", "up"]],
    [["up", "--bogus", "-h", "a", "--to"]],
    [["-q", "--color", "never", "up", "-h"]],
    [["up", "-rqh"]],
  ])("%p prints the help of up: examples, then options", async (argv) => {
    const { code, out, err } = await run(argv);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toStartWith("hoist up: ");
    expect(out.indexOf("Examples:")).toBeLessThan(out.indexOf("Usage:"));
    expect(out.indexOf("Usage:")).toBeLessThan(out.lastIndexOf("--limit-rate"));
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test.each(["exit-codes", "environment", "formats", "hooks"])("topic %s", async (topic) => {
    const { code, out } = await run(["help", topic]);
    expect(code).toBe(0);
    expect(out.length).toBeGreaterThan(100);
  });

  test("a group lists its commands; every command has a page with an example", async () => {
    const { out } = await run(["account"]);
    expect(out).toContain("hoist account <command>");
    const top = (await run([])).out.split("Commands:\n")[1]?.split("\n\n")[0] ?? "";
    const names = [...top.matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1] ?? "");
    expect(names).toContain("history");
    for (const name of names) {
      const page = await run([name, "--help"]);
      expect(page.code).toBe(0);
      expect(page.out).toContain(GROUPS.includes(name) ? "Commands:" : "Examples:");
    }
  });

  test("an option after -- is no option", async () => {
    expect((await run(["up", "--", "--help"])).code).toBe(2);
  });
});

test.each([
  [["ls", ""], "an account is empty"],
  [["mv", "", "ulozto:/x"], "an account is empty"],
  [["resume", ""], "an id is empty"],
  [["jobs", "show", ""], "an id is empty"],
  [["jobs", "add", ""], "a path is empty"],
  [["account", "check", ""], "a name is empty"],
  [["up", "--files-from", ""], "--files-from needs a value"],
])("%p has an empty word, maybe from a variable: 2, before anything is done", async (argv, message) => {
  const { code, out, err } = await run(argv);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toStartWith(`error: ${message}\n`);
});

test.each([[["--version"]], [["-V"]], [["up", "-V"]]])("%p prints the version", async (argv) => {
  const { code, out } = await run(argv);
  expect(code).toBe(0);
  expect(out).toMatch(/^hoist \d+\.\d+\.\d+\n$/);
});

describe("what is not understood is told on stderr, with 2", () => {
  test.each([
    [["upp"], /unknown command "upp"/, /did you mean hoist up\?/],
    [["toString"], /unknown command "toString"/],
    [["__proto__"], /unknown command "__proto__"/],
    [["account", "constructor"], /unknown command "account constructor"/],
    [["account", "lst"], /"account lst"/, /did you mean hoist account list\?/],
    [["help", "exit-code"], /exit-code/, /did you mean hoist help exit-codes\?/],
    [["help", "valueOf"], /valueOf/],
    [["--to", "x", "up"], /unknown option --to/, /behind its name/],
    [["--colour", "always", "up"], /unknown option --colour/, /did you mean --color\?/],
    [["up", "--tto", "x"], /unknown option --tto/, /did you mean --to\?/],
    [["up", "--retrys=3"], /unknown option --retrys\n/, /did you mean --retries\?/],
    [["up", "--min"], /unknown option --min\n/, /did you mean --min-size\?/],
    [["up", "-to", "x"], /unknown option -to/, /did you mean --to\?/],
    [["up", "-Z"], /unknown option -Z/, /hoist up --help/],
    [["history", "--state-dir="], /--state-dir needs a value/],
    [["history", "--config", ""], /--config needs a value/],
    [["up", "-dash"], /unknown option -d\n/],
    [["-dash"], /unknown option -d\n/],
    [["account", "-xV"], /unknown option -x\n/],
    [["up", "-help"], /unknown option -help\n/, /did you mean --help\?/],
    [["up", "--history"], /unknown option --history/, /did you mean --no-history\?/],
    [["up", "--limitRate", "1M"], /unknown option --limitRate/, /--limit-rate/],
    [["up", "--recursive=yes"], /--recursive takes no value/],
    [["up", "f", "--to"], /--to needs a value/],
    [["up", "f", "--to", "--name", "x"], /--to needs a value, but "--name" follows/],
    [["up", "f", "--name", "-x"], /--name needs a value/, /--name=-x/],
    [["up", "f", "-j", "1", "--parallel=2"], /--parallel is given twice/],
    [["up", "f", "--progress", "alway"], /--progress takes auto, always, never/, /did you mean always\?/],
    [["history", "stray"], /unexpected argument "stray"/],
    [["completions"], /<bash\|zsh\|fish> is missing/, /hoist completions --help/],
    [["account", "remove"], /<name> is missing/, /hoist account remove --help/],
    [["-Z"], /unknown option -Z/, /hoist --help/],
    [["completions", "bsh"], /"bsh"/, /did you mean bash\?/],
    [["--color"], /--color needs a value/],
    [["up", "f", "--constructor", "x"], /unknown option --constructor/],
  ] as [string[], ...RegExp[]][])("%p", async (argv, ...told) => {
    const { code, out, err } = await run(argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    for (const pattern of told) expect(err).toMatch(pattern);
    expect(err.trimEnd().split("\n").length).toBeLessThanOrEqual(3);
  });

  test("a secret given to an option that does not exist is not repeated", async () => {
    for (const argv of [
      ["up", "-pSECRET"],
      ["up", "--password=SECRET"],
      ["account", "add", "--password=SECRET"],
    ]) {
      const { code, err } = await run(argv);
      expect(code).toBe(2);
      expect(err).not.toContain("SECRET");
    }
  });
});
