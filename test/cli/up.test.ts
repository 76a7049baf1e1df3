import { describe, expect, test } from "bun:test";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { UpInput } from "../../src/core/inputs.ts";
import { STOP_REASONS } from "../../src/core/stop.ts";
import { AppError } from "../../src/errors.ts";
import { endings, failed, OK, run, type Scene, summary, upload } from "./fixture.ts";

/** What the engine is asked for. */
async function inputOf(argv: readonly string[], scene: Scene = {}): Promise<UpInput> {
  const asked: UpInput[] = [];
  const ran = await run(["up", ...argv], {
    ...scene,
    up: async (input) => {
      asked.push(input);
      return summary();
    },
  });
  expect(ran).toMatchObject({ code: 0, err: "" });
  return asked[0] as UpInput;
}

describe("options → what the engine is asked for", () => {
  test("defaults", async () => {
    expect(await inputOf(["a", "--to", "x"])).toEqual({
      sources: ["a"],
      to: ["x"],
      filesFrom: null,
      name: null,
      recursive: false,
      filters: { include: [], exclude: [], minSize: null, maxSize: null, minAgeMs: null },
      labels: {},
      spool: false,
      run: {
        parallel: 4,
        limitRate: [],
        retries: 5,
        retryUnknown: false,
        waitCoolDownMs: 1_800_000,
        waitCaptchaMs: 0,
        resumable: "auto",
        checksum: false,
        skipExisting: false,
        overflow: "fail",
        after: { do: "keep" },
        idleTimeoutMs: 60_000,
        answerTimeoutMs: null,
      },
    });
  });

  test("everything, in every spelling", async () => {
    const argv =
      "-r0j3 a --files-from=- b --to x --to=y:/F,z --name {stem}-{n:3}.{ext} --include *.a --include *.b --exclude *.c " +
      "--min-size 1K --max-size=2M --min-age 1h --limit-rate 10M --retries 0 --retry-unknown --wait-cooldown 0 " +
      "--wait-captcha 5m --resumable never --skip-existing --overflow new-folder --checksum --after move:done --label a=1 --label b=x=y " +
      "--label a=2 --idle-timeout 10 --answer-timeout 1m --spool -- -c";
    expect(await inputOf(argv.split(" "))).toEqual({
      sources: ["a", "b", "-c"],
      to: ["x", "y:/F,z"],
      filesFrom: { path: "-", separator: "\0" },
      name: "{stem}-{n:3}.{ext}",
      recursive: true,
      filters: { include: ["*.a", "*.b"], exclude: ["*.c"], minSize: 1024, maxSize: 2_097_152, minAgeMs: 3_600_000 },
      labels: { a: "2", b: "x=y" },
      spool: true,
      run: {
        parallel: 3,
        limitRate: [{ minuteOfDay: 0, rate: 10_485_760 }],
        retries: 0,
        retryUnknown: true,
        waitCoolDownMs: 0,
        waitCaptchaMs: 300_000,
        resumable: "never",
        checksum: true,
        skipExisting: true,
        overflow: "new-folder",
        after: { do: "move", directory: resolve("done") },
        idleTimeoutMs: 10_000,
        answerTimeoutMs: 60_000,
      },
    });
  });

  test("a value may start with a dash when it is no option, or behind =", async () => {
    expect((await inputOf(["-", "--name", "- x", "--to", "x"])).name).toBe("- x");
    expect((await inputOf(["a", "--name=-x", "--to", "x"])).name).toBe("-x");
    expect((await inputOf(["a", "--name=--to", "--to", "x"])).name).toBe("--to");
    expect((await inputOf(["a", "--name=", "--to", "x"])).name).toBe("");
  });

  test("the configuration fills in, options win, off switches a limit off", async () => {
    const defaults = {
      to: ["conf:/A"],
      parallel: 2,
      retries: 9,
      limitRate: [{ minuteOfDay: 0, rate: 1000 }],
      after: { do: "delete" as const },
    };
    const filled = await inputOf(["a"], { defaults });
    expect(filled).toMatchObject({ to: ["conf:/A"], run: { parallel: 2, retries: 9, limitRate: defaults.limitRate } });
    expect(filled.run.after).toEqual({ do: "delete" });
    const argv = ["a", "--to", "x", "-j1", "--retries=0", "--limit-rate", "off", "--after", "keep"];
    expect(await inputOf(argv, { defaults })).toMatchObject({
      to: ["x"],
      run: { parallel: 1, retries: 0, limitRate: [], after: { do: "keep" } },
    });
  });

  test("where to move a source is absolute, whoever says it: a resume may start elsewhere", async () => {
    const after = async (argv: readonly string[], directory = "conf") =>
      (await inputOf(["a", "--to", "x", ...argv], { defaults: { after: { do: "move", directory } } })).run.after;
    expect(await after([])).toEqual({ do: "move", directory: resolve("conf") });
    expect(await after([], "~/conf")).toEqual({ do: "move", directory: join(homedir(), "conf") });
    expect(await after(["--after", "move:~/done"])).toEqual({ do: "move", directory: join(homedir(), "done") });
    expect(await after(["--after", "move:a~/b"])).toEqual({ do: "move", directory: resolve("a~/b") });
  });

  test("on a terminal a captcha is waited for", async () => {
    expect((await inputOf(["a", "--to", "x"], { tty: { stderr: true } })).run.waitCaptchaMs).toBe(600_000);
  });

  test("global options reach the engine, from before and behind the command's name", async () => {
    const opened: unknown[] = [];
    const scene: Scene = {
      up: async () => summary(),
      opened: ({ flags, history, command }) => opened.push({ flags, history, command }),
    };
    await run(["--config", "c.toml", "up", "a", "--to", "x", "--state-dir=s", "--no-history"], scene);
    await run(["up", "a", "--to", "x"], scene);
    expect(opened).toEqual([
      { flags: { config: "c.toml", stateDir: "s" }, history: false, command: "hoist up" },
      { flags: { config: undefined, stateDir: undefined }, history: true, command: "hoist up" },
    ]);
  });
});

describe("wrong values are told before the engine is opened", () => {
  test.each([
    [["--retries=-1"], /--retries does not understand "-1"/],
    [["--retries", "1.5"], /--retries/],
    [["-j", "0"], /--parallel/],
    [["-j", "65"], /1 to 64/],
    [["--limit-rate", "fast"], /--limit-rate/],
    [["--limit-rate", "08:00,1M 08:00,2M"], /--limit-rate/],
    [["--min-size", "big"], /--min-size/],
    [["--wait-cooldown", "soon"], /--wait-cooldown/],
    [["--idle-timeout", "0"], /--idle-timeout must be more than 0/],
    [["--label", "x"], /--label "x" is not KEY=VALUE/],
    [["--label", "a b=x"], /--label/],
    [["--after", "burn"], /--after/],
    [["--after", "move:"], /--after/],
    [["--format", "jsn"], /did you mean json/],
    [["--format", "{urll}"], /did you mean \{url\}/],
    [["--format", "{url"], /a \{ without a \}/],
    [["--format", "{toString}"], /toString/],
    [["--json", "--format", "csv"], /--json and --format/],
    [["--group-by", "host", "--json"], /--group-by/],
    [["--group-by", "host", "--format", "csv"], /--group-by/],
    [["-0"], /--files-from/],
  ] as [string[], RegExp][])("%p", async (argv, told) => {
    const { code, out, err } = await run(["up", "a", "--to", "x", ...argv], { up: async () => summary() });
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(told);
    expect(err.trimEnd().split("\n").length).toBeLessThanOrEqual(3);
  });

  test("nothing to upload, no destination", async () => {
    expect(await run(["up", "--to", "x"])).toMatchObject({ code: 2 });
    const { code, err } = await run(["up", "a"]);
    expect(code).toBe(2);
    expect(err).toContain("--to");
  });

  test("a format of the configuration that does not exist is a configuration error", async () => {
    const { code, err } = await run(["up", "a", "--to", "x"], { defaults: { format: "jsn" } });
    expect(code).toBe(2);
    expect(err).toContain("[up] format");
  });
});

describe("the format", () => {
  const scene: Scene = { up: endings([upload()]) };
  test.each([
    ["url when stdout is no terminal", [], {}, "https://host.example/f/1\n"],
    [
      "text on a terminal",
      [],
      { tty: { stdout: true } },
      "x.bin → uploadgig  https://host.example/f/1  (2.9 MiB in 1.3 s)\n",
    ],
    ["the configured one", [], { defaults: { format: "{name}" } }, "x.bin\n"],
    ["the one asked for", ["--format", "{n} {host}"], { defaults: { format: "json" } }, "1 uploadgig\n"],
  ] as [string, string[], Scene, string][])("%s", async (_, argv, more, out) => {
    expect(await run(["up", "a", "--to", "x", ...argv], { ...scene, ...more })).toEqual({ code: 0, out, err: "" });
  });
});

describe("failures", () => {
  const refusal = new AppError("host_rejected", "the host refused the file", {
    hostMessage: "Too \x1b[31mlarge\u202e",
    hint: "split it",
  });
  const bad = (sourceIndex: number, error: AppError) =>
    upload({ sourceIndex, name: `bad${sourceIndex}`, state: "failed", outcome: failed(error) });

  test("three lines at most: what, why in the host's words, what next; nothing that moves a cursor", async () => {
    const { err, code } = await run(["up", "a", "--to", "x"], { up: endings([bad(0, refusal)], 1, { exit: 7 }) });
    expect(code).toBe(7);
    expect(err).toBe(
      'error: bad0 → uploadgig: the host refused the file\n  the host says: "Too \\u{1b}[31mlarge\\u{202e}"\n  split it\n',
    );
  });

  test("the same reason is told in full once, and again after another one", async () => {
    const other = new AppError("network", "no connection");
    const scene = { up: endings([bad(0, refusal), bad(1, refusal), bad(2, other), bad(3, refusal)], 1, { exit: 3 }) };
    const { err } = await run(["up", "a", "--to", "x", "-q"], scene);
    expect(err.match(/split it/g)?.length).toBe(2);
    expect(err.match(/^error: /gm)?.length).toBe(4);
  });

  test("a link the host gave all the same is told", async () => {
    const error = new AppError("integrity", "the host has another size", { url: "https://host.example/f/2" });
    const { err } = await run(["up", "a", "--to", "x"], { up: endings([bad(0, error)], 1, { exit: 8 }) });
    expect(err).toContain("https://host.example/f/2");
  });

  test("as JSON log lines", async () => {
    const { err } = await run(["up", "a", "--to", "x", "--log-format", "json"], {
      up: endings([bad(0, refusal)], 1, { exit: 7 }),
      warnings: ["careful"],
    });
    const lines = err
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { level: "warn", msg: "careful" },
      { level: "error", msg: "bad0 → uploadgig: the host refused the file", code: "host_rejected", hint: "split it" },
    ]);
    expect(lines[1].hostMessage).toBe(refusal.hostMessage);
  });

  test.each([
    ["network", [], /hoist doctor .*; go on with: hoist resume$/],
    ["host_protocol", [], /go on with: hoist resume$/],
    ["rate_limited", ["--no-history"], /when that is over, run this again$/],
    ["host_rejected", [], /choose another name, folder, file or account$/],
    ["integrity", [], /upload the file again$/],
  ] as const)("%s that names no step itself: %p", async (code, more, step) => {
    const up = endings([bad(0, new AppError(code, "no luck"))], 1, { exit: 3 });
    const argv = ["up", "a", "--to", "x", ...more];
    expect((await run(argv, { up })).err.trimEnd()).toMatch(step);
    expect(JSON.parse((await run([...argv, "--json"], { up })).out.split("\n")[0] ?? "").error.hint).toMatch(step);
  });

  test("what could not be recorded is for no hoist resume", async () => {
    const up: NonNullable<Scene["up"]> = async (_, listen) => {
      listen({ type: "planned", uploads: 1, destinations: 1, bytes: 0, recorded: false });
      listen({ type: "ended", upload: bad(0, new AppError("network", "no luck")) });
      return summary({ exit: 5 });
    };
    expect((await run(["up", "a", "--to", "x"], { up })).err).toContain("looks at the connection; run this again\n");
  });

  test.each([
    ["delete", true],
    ["move:/done", true],
    ["keep", false],
  ])("standard input has no file to %s", async (after, told) => {
    const argv = ["up", "-", "--name", "n", "--to", "x", "--after", after];
    const { code, err } = await run(argv, { up: endings([upload()]) });
    expect([code, err.includes("note: --after has no effect on standard input")]).toEqual([0, told]);
  });

  test("what standard input gave cannot be resumed", async () => {
    const piped = { ...bad(0, new AppError("network", "gone")), source: { ...upload().source, path: "-" } };
    const { err } = await run(["up", "-", "--name", "n", "--to", "x"], { up: endings([piped], 1, { exit: 5 }) });
    expect(err).toContain("run this again: standard input cannot be resumed");
  });

  test("a name that can be none is not told whole", async () => {
    const long = { ...bad(0, refusal), name: "x".repeat(3000) };
    const { err } = await run(["up", "a", "--to", "x"], { up: endings([long], 1, { exit: 4 }) });
    expect(err).toStartWith(`error: ${"x".repeat(60)}… → uploadgig: `);
    expect(err.length).toBeLessThan(300);
  });

  test("-v adds no stack to what is no bug, and breaks that of one into lines", async () => {
    const { err } = await run(["up", "-v", "--bogus"]);
    expect(err).toBe("error: unknown option --bogus\n  hoist up --help shows what it takes\n");
    const bug = await run(["up", "a", "--to", "x", "-v"], {
      up: () => Promise.reject(new TypeError("x is undefined")),
    });
    expect(bug.err).not.toContain("\\u{a}");
    expect(bug.err.match(/^debug: /gm)?.length).toBeGreaterThan(1);
  });

  test("a bug is 1, with its stack only under -v", async () => {
    const up = () => Promise.reject(new TypeError("x is undefined"));
    const quiet = await run(["up", "a", "--to", "x"], { up });
    expect(quiet).toMatchObject({ code: 1, out: "" });
    expect(quiet.err).not.toContain("fixture.ts");
    expect((await run(["up", "a", "--to", "x", "-v"], { up })).err).toContain("TypeError");
  });
});

describe("notes", () => {
  const scene: Scene = {
    warnings: ["careful"],
    up: async (_, listen) => {
      listen({ type: "note", text: "a `b` _c_ d.zip was skipped\n" });
      listen({ type: "captcha", account: "ulozto", url: "https://uloz.to/captcha/1" });
      return summary();
    },
  };
  test("names keep their backticks and underscores", async () => {
    const { err } = await run(["up", "a", "--to", "x"], scene);
    expect(err).toBe(
      "warning: careful\nnote: a `b` _c_ d.zip was skipped\\u{a}\n" +
        "warning: ulozto wants a captcha solved; open this page, the upload goes on by itself: https://uloz.to/captcha/1\n",
    );
  });

  test("-q leaves what a person must do, and no warning", async () => {
    const { err } = await run(["up", "a", "--to", "x", "-q"], scene);
    expect(err).toMatch(/^ulozto wants a captcha solved; .*: https:\/\/uloz\.to\/captcha\/1\n$/);
    expect((await run(["up", "a", "--to", "x", "-q", "--json"], scene)).err).toBe("");
  });

  test("the page of a captcha that nobody waits for is told once, with what is true", async () => {
    const url = "https://uloz.to/captcha/1";
    const error = failed(new AppError("captcha", "a person is needed", { url, hint: "solve it" }));
    const up: Scene["up"] = async (_, listen) => {
      listen({ type: "captcha", account: "ulozto", url, waits: false });
      listen({ type: "ended", upload: upload({ outcome: error }) });
      return summary({ exit: 10 });
    };
    expect((await run(["up", "a", "--to", "x"], { up })).err).toBe(
      "warning: ulozto wants a captcha solved; solve it on this page and run this again " +
        `(hoist account captcha ulozto waits for it): ${url}\n` +
        "error: x.bin → uploadgig: a person is needed\n  solve it\n",
    );
    const quiet = await run(["up", "a", "--to", "x", "-q"], { up });
    expect(quiet.err).toBe(`error: x.bin → uploadgig: a person is needed\n  solve it: ${url}\n`);
  });

  test("the page of a captcha is no part of a log, but an object of --json", async () => {
    const { out, err } = await run(["up", "a", "--to", "x", "--json", "-q"], scene);
    expect(out.split("\n")[0]).toBe('{"v":1,"type":"captcha","account":"ulozto","url":"https://uloz.to/captcha/1"}');
    expect(err).not.toContain('"level"');
  });

  test("colours: on a terminal, never with NO_COLOR, always when asked", async () => {
    const tty = { stderr: true };
    const argv = ["up", "a", "--to", "x", "--progress", "never"];
    expect((await run(argv, { ...scene, tty })).err).toContain("\x1b[33mwarning:");
    expect((await run(argv, { ...scene, tty, env: { NO_COLOR: "1" } })).err).not.toContain("\x1b");
    expect((await run(argv, { ...scene, tty, env: { NO_COLOR: "" } })).err).toContain("\x1b[33m");
    expect((await run(argv, { ...scene, tty, env: { TERM: "dumb" } })).err).not.toContain("\x1b");
    expect((await run([...argv, "--color=never"], { ...scene, tty })).err).not.toContain("\x1b");
    expect((await run([...argv, "--color=always"], scene)).err).toContain("\x1b[33m");
  });
});

describe("what is skipped", () => {
  const skipped = (sourceIndex: number, skipReason: "ledger" | "host") =>
    upload({ sourceIndex, outcome: { ...OK, skipped: true, skipReason } });
  const both = endings([skipped(0, "ledger"), skipped(1, "host"), skipped(2, "ledger")], 1, { skipped: 3 });
  const argv = ["up", "a", "--to", "x", "--skip-existing"];

  test("is told in one line, with the reasons", async () => {
    const { err } = await run(argv, { up: both });
    expect(err).toBe("note: 3 uploads skipped (2 uploaded before, 1 there already, by name and size)\n");
    const one = endings([skipped(0, "ledger"), upload({ sourceIndex: 1 })], 1, { ok: 1, skipped: 1, bytes: 1024 });
    expect((await run(argv, { up: one })).err).toMatch(
      /^note: 1 upload done .*, 1 upload skipped \(uploaded before\)\n$/,
    );
  });

  test("is an object under --json, nothing under -q, and a line each under -v", async () => {
    expect((await run([...argv, "--json"], { up: both })).err).toBe("");
    expect((await run([...argv, "-q"], { up: both })).err).toBe("");
    expect((await run([...argv, "-v"], { up: both })).err).toContain(
      "debug: x.bin → uploadgig: skipped, uploaded before\n",
    );
  });
});

describe("--json", () => {
  test("one object per line as they end, summary last; controls are \\u escapes", async () => {
    const uploads = [
      upload({ sourceIndex: 1, name: "b\x1b\x7f\u202e\u2028" }),
      upload({ state: "failed", outcome: failed(new AppError("network", "gone")) }),
    ];
    const { out, code } = await run(["up", "a", "--to", "x", "--json"], { up: endings(uploads, 1, { exit: 3 }) });
    expect(code).toBe(3);
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).toContain("b\\u001b\\u007f\\u202e\\u2028");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { v: 1, type: "result", ok: true, id: "id-1-0", name: "b\x1b\x7f\u202e\u2028", skipped: false, labels: {} },
      { v: 1, type: "result", ok: false, id: "id-0-0", error: { code: "network", exit: 5, retryable: true } },
      { v: 1, type: "summary", exit: 3 },
    ]);
  });

  test("-v adds start, progress once a second, retry and stored", async () => {
    const u = upload();
    const error = failed(new AppError("network", "gone"));
    const up: Scene["up"] = async (_, listen) => {
      listen({ type: "start", upload: u });
      for (let bytes = 0; bytes < 10; bytes += 1) listen({ type: "progress", upload: u, bytes, size: 10, rate: 1.5 });
      if (!error.ok) listen({ type: "retry", upload: u, error: error.error, waitMs: 1500 });
      listen({ type: "stored", upload: u });
      listen({ type: "ended", upload: u });
      return summary();
    };
    const types = (out: string) =>
      out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).type);
    expect(types((await run(["up", "a", "--to", "x", "--json", "-v"], { up })).out)).toEqual([
      "start",
      "progress",
      "retry",
      "stored",
      "result",
      "summary",
    ]);
    expect(types((await run(["up", "a", "--to", "x", "--json"], { up })).out)).toEqual(["result", "summary"]);
  });
});

describe("--dry-run", () => {
  const plan: Scene["plan"] = () => [
    { v: 1, type: "plan", file: "/a", name: "a", account: "u", host: "ulozto", folder: "/F", size: 2048 },
    { v: 1, type: "plan", file: "/a", name: "a", account: "g", host: "uploadgig", folder: null, size: null },
  ];
  const broken: Scene["plan"] = (input) => [
    ...(plan(input) ?? []),
    {
      ...{ v: 1, type: "plan", file: "/b", name: "b", account: "g", host: "uploadgig", folder: null, size: null },
      error: {
        code: "source",
        exit: 4,
        message: "no such file",
        hint: null,
        hostMessage: null,
        retryable: false,
        url: null,
      },
    },
  ];

  test("shows what goes where, without a run", async () => {
    expect(await run(["up", "a", "--to", "x", "-n"], { plan })).toEqual({
      code: 0,
      out: "/a → u:/F/a (2.0 KiB)\n/a → g: a (size not known)\n",
      err: "",
    });
  });

  test("json", async () => {
    const { out, code, err } = await run(["up", "a", "--to", "x", "-n", "--json"], { plan: broken });
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([...broken({} as UpInput)]);
    expect(code).toBe(3);
    expect(err).toContain("no such file");
  });

  test("nothing that could be uploaded keeps the one reason's code", async () => {
    expect((await run(["up", "a", "--to", "x", "-n"], { plan: (input) => broken(input).slice(2) })).code).toBe(4);
  });
});

describe("interrupted", () => {
  test("what is not finished is counted, not listed; the summary is last; resume is named", async () => {
    const stop = new AbortController();
    const cut = failed(new AppError("cancelled", "stopped"));
    const up: Scene["up"] = async (_, listen) => {
      listen({ type: "planned", uploads: 3, destinations: 1, bytes: 0 });
      listen({ type: "ended", upload: upload({ sourceIndex: 2, outcome: OK }) });
      stop.abort(STOP_REASONS.SIGTERM);
      listen({ type: "ended", upload: upload({ sourceIndex: 0, outcome: cut }) });
      listen({ type: "ended", upload: upload({ sourceIndex: 1, outcome: cut }) });
      return summary({ exit: 143 });
    };
    const { code, out, err } = await run(["up", "a", "--to", "x", "--format", "{n} {file}"], {
      up,
      signal: stop.signal,
    });
    expect({ code, out }).toEqual({ code: 143, out: "1 /abs/x.bin\n" });
    expect(err).toBe(
      "warning: interrupted: stopping; once more ends at once\n" +
        "warning: 2 uploads are not finished; go on with: hoist resume\n",
    );
  });

  test.each([[["up", "a", "--to", "x", "--json"]], [["resume", "--json"]]])(
    "a run that cannot begin, by %p, has a summary; a wrong command has none",
    async (argv) => {
      const scene = (code: "state" | "config"): Scene => {
        const act = () => Promise.reject(new AppError(code, "no", { hint: "do" }));
        return { up: act, resume: act };
      };
      const broken = await run(argv, scene("state"));
      expect(JSON.parse(broken.out)).toEqual(
        summary({ failed: 1, exit: 11, codes: { state: 1 }, seconds: expect.any(Number) }),
      );
      expect([broken.code, broken.err]).toEqual([11, "error: no\n  do\n"]);
      expect(await run(argv, scene("config"))).toEqual({ code: 2, out: "", err: "error: no\n  do\n" });
    },
  );

  test("a source without a name is shown as one", async () => {
    const bad = upload({ name: "", outcome: failed(new AppError("source", "the file's name is empty")) });
    const { err } = await run(["up", "", "--to", "x"], { up: endings([bad]) });
    expect(err).toBe('error: "" → uploadgig: the file\'s name is empty\n');
  });

  test("a run that breaks off halfway tells what it has, and that it is mixed", async () => {
    const up: Scene["up"] = async (_, listen) => {
      listen({ type: "planned", uploads: 2, destinations: 1, bytes: 0 });
      listen({ type: "ended", upload: upload({ sourceIndex: 1, outcome: OK }) });
      throw new AppError("state", "no");
    };
    const { code, out } = await run(["up", "a", "b", "--to", "x", "--format", "{file}"], { up });
    expect([code, out]).toEqual([3, "/abs/x.bin\n"]);
  });

  test("an upload that is up but not recorded: what resume would do, and how to forget it", async () => {
    const up: Scene["up"] = async (_, listen) => {
      listen({ type: "unrecorded", upload: upload({ id: "0198" }), why: "the disk is full" });
      return summary();
    };
    const { err } = await run(["up", "a", "--to", "x"], { up });
    expect(err).toBe(
      "warning: x.bin → uploadgig is up and its link holds, but it is not recorded (the disk is full): hoist resume may " +
        "send it again, so let it forget this one first: hoist resume --drop 0198\n",
    );
  });

  test.each([
    [null, "1 upload is not finished: standard input cannot be resumed, so run the command again"],
    ["/state/spool/1", "1 upload is not finished; go on with: hoist resume"],
  ])("standard input, of which the copy is %p", async (spool, told) => {
    const source = { path: "-", size: null, mtimeNs: null, inode: null, spool };
    const up = endings([upload({ source, outcome: failed(new AppError("cancelled", "stopped")) })]);
    expect((await run(["up", "-", "--name", "x", "--to", "x"], { up })).err).toBe(`warning: ${told}\n`);
  });

  test("before anything was sent", async () => {
    const stop = new AbortController();
    const up = () => {
      stop.abort(STOP_REASONS.SIGINT);
      return Promise.reject(new AppError("cancelled", "stopped before anything was sent"));
    };
    const { code, err } = await run(["up", "a", "--to", "x"], { up, signal: stop.signal });
    expect(code).toBe(130);
    expect(err).not.toContain("error");
  });
});
