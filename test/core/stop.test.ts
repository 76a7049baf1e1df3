import { describe, expect, test } from "bun:test";
import { STOP_REASONS } from "../../src/core/stop.ts";
import { AppError } from "../../src/errors.ts";
import type { Phase } from "../../src/hosts/phase.ts";
import { codeOf, createEngine, type Engine } from "../support/engine.ts";
import { type Behaviour, type FakeHost, fakeHost, hang, readAll, takeIt } from "../support/fake-host.ts";
import { bytesOf, type TemporaryDirectory, temporaryDirectory } from "../support/temporary.ts";

/** A second is promised; a busy machine gets another one. */
const AT_ONCE_MS = 2000;

type Settings = NonNullable<Parameters<Engine["up"]>[2]>;

interface Stopped {
  readonly engine: Engine;
  readonly fake: FakeHost;
  readonly ms: number;
  readonly exit: number;
}

/** Uploads until `ready` is called by the behaviour or the event, stops, and looks how it ends. */
async function stopWhen(
  directory: TemporaryDirectory,
  prepare: (fake: FakeHost, ready: () => void) => Behaviour,
  {
    host = fakeHost(),
    files = 1,
    settings = {},
  }: { readonly host?: FakeHost; readonly files?: number; readonly settings?: Settings } = {},
): Promise<Stopped> {
  const ready = Promise.withResolvers<void>();
  host.behave = prepare(host, () => ready.resolve());
  const engine = createEngine({ accounts: { one: host }, stateDirectory: `${directory.path}/state` });
  const sources = Array.from({ length: files }, (_, index) => directory.file(`f${index}`, bytesOf(600_000)));
  const run = engine.up(sources, ["one"], settings);
  await ready.promise;
  const startedAt = performance.now();
  engine.stop.abort(STOP_REASONS.SIGTERM);
  const { exit } = await run;
  return { engine, fake: host, ms: performance.now() - startedAt, exit };
}

/** Reaches a phase and stays in it until it is stopped. */
const staysIn =
  (phase: Phase, ready: () => void): Behaviour =>
  async ({ ctx }) => {
    await ctx.phase(phase);
    ready();
    return hang(ctx.signal);
  };

describe("an upload that is stopped", () => {
  test.each<[Phase, boolean, string, string]>([
    ["preparing", false, "interrupted", "cancelled"],
    ["sending", false, "interrupted", "cancelled"],
    ["finishing", false, "unknown", "outcome_unknown"],
    ["stored", false, "unknown", "outcome_unknown"],
    ["preparing", true, "interrupted", "cancelled"],
    ["sending", true, "interrupted", "cancelled"],
    ["finishing", true, "interrupted", "cancelled"],
    ["stored", true, "interrupted", "cancelled"],
    ["committing", true, "interrupted", "cancelled"],
  ])("in %s (host with commits: %p) is %s", async (phase, commits, state, code) => {
    using directory = temporaryDirectory();
    const host = fakeHost("fake", { commits });
    const { engine, ms, exit } = await stopWhen(directory, (_, ready) => staysIn(phase, ready), { host });
    await using _ = engine;
    expect(ms).toBeLessThan(AT_ONCE_MS);
    expect(exit).toBe(143);
    const [upload] = engine.ended();
    expect(codeOf(upload)).toBe(code as never);
    expect(await engine.store.get(upload?.id ?? "")).toMatchObject({ state, phase });
    const hint = upload?.outcome?.ok === false ? upload.outcome.error.hint : null;
    expect(hint).toContain(
      state === "unknown" ? `hoist resume ${upload?.id} --retry-unknown` : "go on with: hoist resume",
    );
  });

  test("just before its answer still gets it", async () => {
    using directory = temporaryDirectory();
    const { engine, exit } = await stopWhen(directory, (_, ready) => async (attempt) => {
      const result = await takeIt(attempt);
      ready();
      await Bun.sleep(50);
      return result;
    });
    await using _ = engine;
    expect(exit).toBe(143);
    expect(engine.ended()).toMatchObject([{ state: "done" }]);
  });

  test("keeps what the host said meanwhile: a refusal is not an interruption", async () => {
    using directory = temporaryDirectory();
    const { engine } = await stopWhen(directory, (_, ready) => async ({ ctx }) => {
      await ctx.phase("finishing");
      ready();
      await Bun.sleep(50);
      throw new AppError("integrity", "the size differs", { url: "https://fake.example/x" });
    });
    await using _ = engine;
    const [upload] = engine.ended();
    expect(upload?.state).toBe("failed");
    expect(upload?.outcome).toMatchObject({ error: { code: "integrity", url: "https://fake.example/x" } });
  });

  test("is left to itself when it does not listen, and cannot change its record any more", async () => {
    using directory = temporaryDirectory();
    const late: Promise<unknown>[] = [];
    const { engine, ms } = await stopWhen(directory, (_, ready) => async ({ ctx }) => {
      await ctx.phase("sending");
      ready();
      await Bun.sleep(700);
      const writing = ctx.phase("finishing");
      late.push(writing.catch((error) => error.code));
      throw new AppError("network", "much later");
    });
    await using _ = engine;
    expect(ms).toBeLessThan(AT_ONCE_MS);
    while (late.length === 0) await Bun.sleep(20);
    expect(await late[0]).toBe("state");
    const [upload] = engine.ended();
    expect(await engine.store.get(upload?.id ?? "")).toMatchObject({ state: "interrupted", phase: "sending" });
    expect(engine.of("warning")).toEqual([]);
  });
});

describe("a stop is heeded at once", () => {
  test("between attempts", async () => {
    using directory = temporaryDirectory();
    const { engine, ms, fake } = await stopWhen(directory, (_, ready) => async ({ ctx }) => {
      await ctx.phase("finishing");
      setTimeout(ready, 30);
      throw new AppError("network", "later", { retry: { afterMs: 60_000 } });
    });
    await using _ = engine;
    expect(ms).toBeLessThan(AT_ONCE_MS);
    expect(fake.attempts).toHaveLength(1);
    // The host had answered: nothing is unknown.
    expect(engine.ended()).toMatchObject([{ state: "interrupted" }]);
  });

  test("in a cool-down, by what waits and by what was not started", async () => {
    using directory = temporaryDirectory();
    const { engine, ms, fake } = await stopWhen(
      directory,
      (_, ready) => async () => {
        setTimeout(ready, 30);
        throw new AppError("rate_limited", "slow down", { retry: { coolDownMs: 60_000 } });
      },
      { host: fakeHost("fake", { perAccount: 1 }), files: 3 },
    );
    await using _ = engine;
    expect(ms).toBeLessThan(AT_ONCE_MS);
    expect(fake.attempts).toHaveLength(1);
    expect(engine.ended().map(({ state }) => state)).toEqual(["interrupted", "interrupted", "interrupted"]);
    expect(await Array.fromAsync(engine.store.resumable())).toHaveLength(3);
  });

  test("in front of a captcha", async () => {
    using directory = temporaryDirectory();
    const { engine, ms } = await stopWhen(
      directory,
      (_, ready) =>
        async ({ ctx }) => {
          setTimeout(ready, 30);
          for (;;) await ctx.person({ kind: "captcha", url: "https://fake.example/captcha" });
        },
      { settings: { run: { waitCaptchaMs: 600_000 } } },
    );
    await using _ = engine;
    expect(ms).toBeLessThan(AT_ONCE_MS);
    expect(engine.ended()).toMatchObject([{ state: "interrupted", outcome: { error: { code: "cancelled" } } }]);
  });

  test("while bytes wait for the rate limit", async () => {
    using directory = temporaryDirectory();
    const { engine, ms } = await stopWhen(
      directory,
      (_, ready) => async (attempt) => {
        setTimeout(ready, 50);
        return takeIt(attempt);
      },
      { settings: { run: { limitRate: [{ minuteOfDay: 0, rate: 100 }] } } },
    );
    await using _ = engine;
    expect(ms).toBeLessThan(AT_ONCE_MS);
    expect(engine.ended()).toMatchObject([{ state: "interrupted", phase: "sending" }]);
  });

  test("while another process holds the lane", async () => {
    using directory = temporaryDirectory();
    const host = fakeHost("fake", { perAccount: 1 });
    const state = `${directory.path}/state`;
    await using holder = createEngine({ accounts: { one: host }, stateDirectory: state });
    const sending = Promise.withResolvers<void>();
    host.behave = staysIn("sending", () => sending.resolve());
    const held = holder.up([directory.file("held", "x")], ["one"]);
    await sending.promise;
    await using engine = createEngine({ accounts: { one: host }, stateDirectory: state });
    const run = engine.up([directory.file("waiting", "x")], ["one"]);
    while (engine.of("lane_busy").length === 0) await Bun.sleep(5);
    const startedAt = performance.now();
    engine.stop.abort(STOP_REASONS.SIGINT);
    expect(await run).toMatchObject({ exit: 130, failed: 1 });
    expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
    holder.stop.abort(STOP_REASONS.SIGINT);
    await held;
  });

  test("while a session opens, and while a released upload waits for its turn", async () => {
    using directory = temporaryDirectory();
    const host = fakeHost("fake", { perAccount: 1, commits: true });
    host.open = () => new Promise(() => {});
    await using stuck = createEngine({ accounts: { one: host } });
    const run = stuck.up([directory.file("stuck", "x")], ["one"]);
    while (stuck.of("start").length === 0) await Bun.sleep(5);
    let startedAt = performance.now();
    stuck.stop.abort(STOP_REASONS.SIGHUP);
    expect(await run).toMatchObject({ exit: 129 });
    expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
    expect(stuck.ended()).toMatchObject([{ state: "interrupted" }]);

    host.open = null;
    const second = Promise.withResolvers<void>();
    host.behave = async ({ target, ctx }) => {
      if (target.name === "b") {
        second.resolve();
        return hang(ctx.signal);
      }
      ctx.release();
      await second.promise;
      throw new AppError("network", "again", { retry: { afterMs: 0 } });
    };
    await using engine = createEngine({ accounts: { one: host } });
    const both = engine.up([directory.file("a", "x"), directory.file("b", "x")], ["one"]);
    while (engine.of("retry").length === 0) await Bun.sleep(5);
    await Bun.sleep(20);
    startedAt = performance.now();
    engine.stop.abort(STOP_REASONS.SIGINT);
    expect(await both).toMatchObject({ exit: 130, failed: 2 });
    expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
    expect(host.attempts.map(({ target }) => target.name)).toEqual(["a", "b"]);
  });

  test("while the plan is made: nothing is recorded", async () => {
    using directory = temporaryDirectory();
    await using engine = createEngine({ accounts: { one: fakeHost() }, stateDirectory: `${directory.path}/state` });
    engine.stop.abort(STOP_REASONS.SIGINT);
    await expect(engine.up([directory.file("f", "x")], ["one"])).rejects.toMatchObject({ code: "cancelled" });
    expect(await Array.fromAsync(engine.store.resumable())).toEqual([]);
    expect(engine.ended()).toEqual([]);
  });
});

test("what was not started stays for resume, in order, and exits by the signal", async () => {
  using directory = temporaryDirectory();
  const host = fakeHost("fake", { perAccount: 1 });
  const { engine, exit, fake } = await stopWhen(
    directory,
    (_, ready) => async (attempt) => {
      if (attempt.target.name === "f1") ready();
      if (attempt.target.name === "f1") return hang(attempt.ctx.signal);
      await readAll(attempt.source, attempt.ctx.signal);
      return takeIt(attempt);
    },
    { host, files: 4 },
  );
  await using _ = engine;
  expect(exit).toBe(143);
  expect(fake.attempts).toHaveLength(2);
  expect(engine.ended().map(({ name, state }) => [name, state])).toEqual([
    ["f0", "done"],
    ["f1", "interrupted"],
    ["f2", "interrupted"],
    ["f3", "interrupted"],
  ]);
  expect((await Array.fromAsync(engine.store.resumable())).map(({ name }) => name)).toEqual(["f1", "f2", "f3"]);
});

test("a queue too long to be told of at once is kept all the same", async () => {
  using directory = temporaryDirectory();
  const host = fakeHost("fake", { perAccount: 1 });
  host.behave = staysIn("sending", () => engine.stop.abort(STOP_REASONS.SIGINT));
  const stateDirectory = `${directory.path}/state`;
  const sources = Array.from({ length: 60 }, (_, index) => directory.file(`f${index}`, "x"));
  const engine = createEngine({ accounts: { one: host }, stateDirectory });
  engine.onEvent = ({ type }) => type === "ended" && Bun.sleepSync(20);
  expect(await engine.up(sources, ["one"])).toMatchObject({ exit: 130 });
  const told = engine.ended().length;
  expect(told).toBeLessThan(40);
  expect(engine.of("warning")).toMatchObject([{ text: expect.stringContaining(`${60 - told} more uploads`) }]);
  await engine[Symbol.asyncDispose]();
  host.behave = takeIt;
  await using next = createEngine({ accounts: { one: host }, stateDirectory });
  expect(await next.resume()).toMatchObject({ ok: 60, failed: 0 });
});
