import { describe, expect, test } from "bun:test";
import { HOIST } from "./kit/run.ts";
import { scene, type World } from "./kit/world.ts";

const hasScript = Bun.spawnSync(["script", "--version"]).exitCode === 0;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what terminals act on
const RAW = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
/** A name that would draw over the line, set the title and turn the text around. */
const EVIL = "a\u001b[2K\u001b]0;x\u0007\u009b1m\u202egnp.exe";

/** Runs hoist with all three streams on a terminal of its own. */
async function onTerminal(w: World, args: readonly string[], env: Record<string, string> = {}) {
  const line = [HOIST, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const proc = Bun.spawn(["script", "-qefc", line, "/dev/null"], {
    cwd: `${w.dir}/files`,
    env: { ...w.env, TERM: "xterm-256color", SHELL: "/bin/sh", COLUMNS: "100", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const out = await new Response(proc.stdout).text();
  return { out, code: await proc.exited };
}

describe("untrusted text", () => {
  scene("in a name reaches stderr, text and csv without raw control characters, and JSON escaped", async (w) => {
    w.gig.fault("body", { body: { 0: { ok: false, message: EVIL } } }, 2);
    const path = w.file(EVIL);
    for (const format of ["text", "json"]) {
      const ran = await w.run(["up", path, `${path}-missing`, "--to", "uploadgig,ulozto", "--format", format, "-v"]);
      expect(ran.code).toBe(3);
      expect(ran.err).not.toMatch(RAW);
      expect(ran.out).not.toMatch(RAW);
      if (format === "json") expect(ran.results.map((one) => one.name)).toContain(EVIL);
    }
    expect(w.ulozto.files.map((file) => file.name)).toEqual([EVIL, EVIL]);
  });

  scene("in an argument is not echoed raw", async (w) => {
    for (const args of [["up", w.file("a"), "--to", EVIL], [EVIL], ["up", `--${EVIL}`], ["resume", EVIL]]) {
      const ran = await w.run(args);
      expect(ran.code).toBeGreaterThan(0);
      expect(ran.err).not.toMatch(RAW);
    }
  });
});

describe.if(hasScript)("on a terminal", () => {
  test.concurrent("results are text with the link, and a bar is drawn", async () => {
    await using w = await (await import("./kit/world.ts")).world();
    const args = ["up", w.file("a.bin", 3_000_000), "--to", "uploadgig", "--limit-rate", "3M"];
    const { out, code } = await onTerminal(w, args);
    expect(code).toBe(0);
    expect(out).toContain(w.gig.files[0]?.url ?? "?");
    expect(out).toContain("a.bin");
    expect(out).toContain("%");
  });

  test.concurrent("-q, --progress never and CI draw none, NO_COLOR and --color never no colour", async () => {
    await using w = await (await import("./kit/world.ts")).world();
    const path = w.file("a.bin", 3_000_000);
    const args = ["up", path, "--to", "uploadgig", "--limit-rate", "6M"];
    const colour = "\u001b[3";
    for (const [more, env] of [
      [["-q"], {}],
      [["--progress", "never", "--color", "never"], {}],
      [[], { CI: "true", NO_COLOR: "1" }],
    ] as const) {
      const { out, code } = await onTerminal(w, [...args, ...more], env);
      expect(code).toBe(0);
      expect(out).not.toContain(" 50%");
      expect(out).not.toContain(colour);
    }
  });

  test.concurrent("a captcha is waited for", async () => {
    await using w = await (await import("./kit/world.ts")).world();
    w.ulozto.requireCaptcha();
    const running = onTerminal(w, ["up", w.file("a"), "--to", "ulozto"]);
    while (w.ulozto.of("link").length < 3) await Bun.sleep(10);
    w.ulozto.solveCaptcha();
    expect((await running).code).toBe(0);
  });

  test.concurrent("a file name with escape codes draws nothing of its own", async () => {
    await using w = await (await import("./kit/world.ts")).world();
    const { out } = await onTerminal(w, ["up", w.file(EVIL), "--to", "uploadgig", "--progress", "always"]);
    expect(out).not.toContain("\u001b]0;x");
    expect(out).not.toContain("\u202e");
    expect(out).not.toContain("\u009b");
  });
});
