import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const home = mkdtempSync(join(tmpdir(), "hoist-dialogue-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const DOWN = "\x1b[B";
const ENTER = "\r";
const CTRL_C = "\x03";

/** Types each answer when its question has appeared on a real terminal. */
async function converse(directory: string, answers: readonly (readonly [question: string, keys: string])[]) {
  let screen = "";
  const shown = () => Bun.stripANSI(screen);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../src/main.ts"), "account", "add"], {
    env: { PATH: process.env.PATH, TERM: "xterm-256color", HOME: directory, XDG_CONFIG_HOME: directory },
    terminal: {
      cols: 100,
      rows: 30,
      data: (_, bytes) => {
        screen += new TextDecoder().decode(bytes);
      },
    },
  });
  for (const [question, keys] of answers) {
    while (!shown().includes(question)) {
      if (child.exitCode !== null) throw new Error(`it ended before asking for ${question}:\n${shown()}`);
      await Bun.sleep(5);
    }
    child.terminal?.write(keys);
  }
  const code = await child.exited;
  return { code, shown: shown(), file: join(directory, "hoist", "config.toml") };
}

test("everything is asked for on a terminal, and the secret stays hidden", async () => {
  const { code, shown, file } = await converse(join(home, "answered"), [
    ["Which host?", DOWN + ENTER],
    ["Name of the account", `2${ENTER}`],
    ["Login", `me${ENTER}`],
    ["Log in with", DOWN + ENTER],
    ["◆  Password", `s3cret-canary${ENTER}`],
    ["API key", ENTER],
  ]);
  expect(code).toBe(0);
  expect(shown).not.toContain("s3cret-canary");
  expect(await Bun.file(file).text()).toBe(
    '[accounts.ulozto2]\nhost = "ulozto"\nuser = "me"\npassword = "s3cret-canary"\n',
  );
});

test("Ctrl-C adds nothing", async () => {
  const { code, file } = await converse(join(home, "given-up"), [
    ["Which host?", ENTER],
    ["Name of the account", CTRL_C],
  ]);
  expect(code).toBe(130);
  expect(existsSync(file)).toBe(false);
});
