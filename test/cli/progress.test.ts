import { afterEach, describe, expect, jest, test } from "bun:test";
import fc from "fast-check";
import { drawBars, fit } from "../../src/cli/output/bar.ts";
import { createProgress, progressMode } from "../../src/cli/output/progress.ts";
import { createTerminal } from "../../src/cli/output/terminal.ts";
import { AppError, errorView } from "../../src/errors.ts";
import { upload } from "./fixture.ts";
import { Screen } from "./screen.ts";

const MIB = 1024 ** 2;

describe("when there are bars", () => {
  const tty = { write() {}, isTTY: true };
  const pipe = { write() {} };
  test.each([
    ["auto", tty, {}, "bars"],
    ["auto", tty, { CI: "true" }, "off"],
    ["auto", tty, { TERM: "dumb" }, "off"],
    ["auto", pipe, {}, "off"],
    ["always", tty, { CI: "true" }, "bars"],
    ["always", tty, { TERM: "dumb" }, "lines"],
    ["always", pipe, {}, "lines"],
    ["never", tty, {}, "off"],
  ] as const)("%s %p %p: %s", (choice, stream, env, mode) => expect(progressMode(choice, stream, env)).toBe(mode));
});

describe("pinned lines", () => {
  test("what is written goes above them, on both streams; unpinned they are gone", () => {
    const screen = new Screen(20, 10);
    const terminal = createTerminal({ stdout: screen, stderr: screen, env: {} });
    terminal.err("note: begin\n");
    terminal.pin(["one", "two"]);
    terminal.out("https://h/1\n");
    terminal.err("warning: x\n");
    terminal.pin(["ONE", "TWO", "three"]);
    expect(screen.text).toBe("note: begin\nhttps://h/1\nwarning: x\nONE\nTWO\nthree");
    terminal.pin(["o"]);
    expect(screen.text).toBe("note: begin\nhttps://h/1\nwarning: x\no");
    terminal.pin([]);
    expect(screen.text).toBe("note: begin\nhttps://h/1\nwarning: x");
  });

  test("survive scrolling at the bottom of the screen and lines that wrap", () => {
    const screen = new Screen(10, 5);
    const terminal = createTerminal({ stdout: screen, stderr: screen, env: {} });
    terminal.pin(["bar 1", "bar 2"]);
    const links = Array.from({ length: 12 }, (_, index) => `https://host/${index}`);
    for (const link of links) {
      terminal.out(`${link}\n`);
      terminal.pin(["bar 1", "bar 2"]);
    }
    terminal.pin([]);
    const wrapped = links.map((link) => `${link.slice(0, 10)}\n${link.slice(10)}`);
    expect(screen.text).toBe(wrapped.join("\n"));
  });

  test("a narrower and a wider terminal leave no remains", () => {
    const screen = new Screen(40, 10);
    const terminal = createTerminal({ stdout: screen, stderr: screen, env: {} });
    terminal.out("result\n");
    terminal.pin(["a".repeat(39), "b".repeat(30), "c"]);
    for (const columns of [20, 13, 33]) {
      screen.resize(columns);
      terminal.pin(["a", "b"].map((letter) => letter.repeat(columns - 1)));
      expect(screen.text).toBe(`result\n${"a".repeat(columns - 1)}\n${"b".repeat(columns - 1)}`);
    }
  });

  test("a terminal that cuts lines instead of wrapping them loses no results", () => {
    const screen = new Screen(40, 10);
    const terminal = createTerminal({ stdout: screen, stderr: screen, env: { XTERM_VERSION: "XTerm(390)" } });
    terminal.out("result\n");
    terminal.pin(["a".repeat(39), "b".repeat(39)]);
    screen.cut(20);
    terminal.pin(["a".repeat(19), "b".repeat(19)]);
    expect(screen.text).toBe(`result\n${"a".repeat(19)}\n${"b".repeat(19)}`);
  });

  test("stdout that is no terminal does not disturb them", () => {
    const screen = new Screen(20, 10);
    const out: string[] = [];
    const terminal = createTerminal({ stdout: { write: (text) => out.push(text) }, stderr: screen, env: {} });
    terminal.pin(["bar"]);
    terminal.out("link\n");
    expect(out).toEqual(["link\n"]);
    expect(screen.text).toBe("bar");
  });
});

describe("bars", () => {
  const facts = (name: string, percent: number | null, state: string | null = null) => ({
    name,
    bytes: (percent ?? 50) * MIB,
    size: percent === null ? null : 100 * MIB,
    rate: 5 * MIB,
    state,
  });

  test("with room for everything", () =>
    expect(
      drawBars([facts("a.bin", 25), facts("b.bin", 100, "waiting"), facts("-", null)], { columns: 100, color: false }),
    ).toEqual([
      "a.bin [======>                        ]  25%    25.0 MiB of 100.0 MiB     5.0 MiB/s        15 s left",
      "b.bin [===============================] 100%   100.0 MiB of 100.0 MiB  waiting",
      "-                                               50.0 MiB                  5.0 MiB/s",
    ]));

  test("at 40 columns the rate stays, at 20 the per cent", () => {
    expect(drawBars([facts("short.bin", 7)], { columns: 39, color: false })).toEqual([
      "short.bin [         ]   7%    5.0 MiB/s",
    ]);
    expect(drawBars([facts("a-long-name.bin", 7)], { columns: 19, color: false })).toEqual(["a-long-name.b…   7%"]);
  });

  test("never wider than allowed, whatever the names", () =>
    fc.assert(
      fc.property(
        fc.array(fc.record({ name: fc.string({ unit: "grapheme" }), percent: fc.nat(100) }), {
          minLength: 1,
          maxLength: 5,
        }),
        fc.integer({ min: 12, max: 200 }),
        (uploads, columns) => {
          const bars = uploads.map(({ name, percent }) => facts(name, percent));
          for (const line of drawBars(bars, { columns, color: false })) {
            expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
          }
        },
      ),
    ));

  test("wide characters are cut by columns and never in half", () => {
    expect(fit("日本語.mkv", 7)).toBe("日本語…");
    expect(fit("日本語.mkv", 6)).toBe("日本… ");
    expect(fit("👩‍👩‍👧👩‍👩‍👧x", 4)).toBe("👩‍👩‍👧… ");
    expect(fit("ab", 4)).toBe("ab  ");
  });
});

describe("progress", () => {
  afterEach(() => jest.useRealTimers());

  function start(columns: number, rows = 24) {
    jest.useFakeTimers();
    const screen = new Screen(columns, rows);
    const terminal = createTerminal({ stdout: screen, stderr: screen, env: {} });
    return { screen, terminal, progress: createProgress("bars", terminal, screen, false) };
  }

  test("bars of what runs and a total; they vanish with the last upload", () => {
    const { screen, terminal, progress } = start(80);
    const [a, b] = [upload({ sourceIndex: 0, name: "a.bin" }), upload({ sourceIndex: 1, name: "b\x1b[2J.bin" })];
    progress.tell({ type: "planned", uploads: 2, destinations: 1, bytes: 6_000_000 });
    progress.tell({ type: "start", upload: a });
    progress.tell({ type: "start", upload: b });
    expect(screen.text).toBe("");
    progress.tell({ type: "progress", upload: a, bytes: 1_500_000, size: 3_000_000, rate: 500_000 });
    jest.advanceTimersByTime(100);
    expect(screen.text).toMatch(
      /^a\.bin +\[=+> +\] {2}50% .*488\.3 KiB\/s +3 s left\nb\\u\{1b\}\[2J\.bin .* 0% starting\ntotal 0\/2 .* 25% /,
    );
    progress.tell({ type: "progress", upload: a, bytes: 3_000_000, size: 3_000_000, rate: 500_000 });
    progress.tell({ type: "retry", upload: b, error: errorView(new AppError("network", "x")), waitMs: 5000 });
    jest.advanceTimersByTime(100);
    expect(screen.text).toMatch(/100% waiting\n.* 0% retry 5 s\n/);
    progress.tell({ type: "stored", upload: a });
    jest.advanceTimersByTime(100);
    expect(screen.text).toContain("100% finishing\n");
    progress.tell({ type: "ended", upload: a });
    terminal.out("https://h/1\n");
    jest.advanceTimersByTime(100);
    expect(screen.text).toMatch(/^https:\/\/h\/1\nb.*\ntotal 1\/2 .* 50%/);
    progress.tell({ type: "ended", upload: b });
    expect(screen.text).toBe("https://h/1");
    progress.close();
    jest.advanceTimersByTime(1000);
    expect(screen.text).toBe("https://h/1");
  });

  test("what failed counts neither as sent nor as still to send", () => {
    const { screen, progress } = start(80);
    const failure = errorView(new AppError("host_rejected", "too large"));
    const big = upload({ name: "big", outcome: { ok: false, error: failure } });
    const stopped = upload({ sourceIndex: 1, name: "stopped", outcome: null });
    const [sent, runs] = [upload({ sourceIndex: 2, name: "sent" }), upload({ sourceIndex: 3, name: "runs" })];
    progress.tell({ type: "planned", uploads: 4, destinations: 1, bytes: 12_000_000 });
    for (const each of [big, stopped, sent, runs]) progress.tell({ type: "start", upload: each });
    for (const each of [big, stopped]) progress.tell({ type: "ended", upload: each });
    jest.advanceTimersByTime(100);
    expect(screen.text).toMatch(/total 2\/4 .* 0%/);
    progress.tell({ type: "ended", upload: sent });
    jest.advanceTimersByTime(100);
    expect(screen.text).toMatch(/total 3\/4 .* 50%/);
    progress.close();
  });

  test("an upload that waits for a person says so", () => {
    const { screen, progress } = start(80);
    const record = upload({ name: "a" });
    const tell = (url: string | null) => {
      progress.tell({ type: "parked", upload: record, url });
      jest.advanceTimersByTime(100);
    };
    progress.tell({ type: "start", upload: record });
    tell("https://h/captcha");
    expect(screen.text).toEndWith("captcha");
    tell(null);
    expect(screen.text).toEndWith("starting");
    progress.close();
  });

  test("a short file is all there once the host has it; one that cools down says so", () => {
    const { screen, progress } = start(80);
    const [a, b] = [upload({ name: "a" }), upload({ sourceIndex: 1, name: "b" })];
    progress.tell({ type: "planned", uploads: 2, destinations: 1, bytes: 6_000_000 });
    progress.tell({ type: "start", upload: a });
    progress.tell({ type: "start", upload: b });
    progress.tell({ type: "stored", upload: a });
    progress.tell({ type: "progress", upload: a, bytes: 3_000_000, size: 3_000_000, rate: 1 });
    progress.tell({ type: "resting", upload: b, rests: true });
    jest.advanceTimersByTime(100);
    expect(screen.text).toMatch(/^a .* 100% finishing\nb .* 0% cooling down\ntotal 0\/2 .* 50%$/);
    progress.close();
  });

  test("no more bars than the screen has rows for", () => {
    const { screen, progress } = start(40, 6);
    progress.tell({ type: "planned", uploads: 9, destinations: 1, bytes: 0 });
    for (let index = 0; index < 9; index += 1) {
      progress.tell({ type: "start", upload: upload({ sourceIndex: index, name: `f${index}` }) });
    }
    jest.advanceTimersByTime(100);
    expect(screen.text.split("\n").length).toBeLessThan(6);
    expect(screen.text).toContain("total 0/9");
    progress.close();
  });

  test("a resize redraws at once", () => {
    const { screen, progress } = start(80);
    progress.tell({ type: "start", upload: upload({ name: "a-very-long-name-of-a-file.tar.gz" }) });
    jest.advanceTimersByTime(100);
    screen.resize(20);
    expect(screen.text).toMatch(/^a-very-lon\S*… +0%$/);
    progress.close();
    expect(screen.text).toBe("");
  });

  test("without a terminal: a line at the start and at the end of each upload", () => {
    const err: string[] = [];
    const stream = { write: (text: string) => err.push(text) };
    const progress = createProgress(
      "lines",
      createTerminal({ stdout: stream, stderr: stream, env: {} }),
      stream,
      false,
    );
    const record = upload({ seconds: 1.5 });
    progress.tell({ type: "start", upload: record });
    progress.tell({ type: "progress", upload: record, bytes: 1, size: 3, rate: 1 });
    progress.tell({ type: "ended", upload: record });
    progress.close();
    expect(err.join("")).toBe(
      "x.bin → uploadgig: started (2.9 MiB)\nx.bin → uploadgig: done (2.9 MiB in 1.5 s, 1.9 MiB/s)\n",
    );
  });
});
