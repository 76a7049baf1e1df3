import { describe, expect, test } from "bun:test";
import { unlinkSync, writeFileSync } from "node:fs";
import { STOP_REASONS } from "../../src/core/stop.ts";
import { AppError } from "../../src/errors.ts";
import { codeOf, createEngine } from "../support/engine.ts";
import { type Behaviour, fakeHost, takeIt } from "../support/fake-host.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const down: Behaviour = () => Promise.reject(new AppError("network", "down"));
const DOWN = { run: { retries: 0 } };

test("everything open goes on, oldest first, each with its id and what it had", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost("fake", { perAccount: 1 });
  fake.behave = async (attempt) => {
    await attempt.ctx.phase("sending", { name: attempt.target.name });
    return down(attempt);
  };
  await using engine = createEngine({ accounts: { one: fake } });
  const sources = ["a", "b", "c"].map((name) => directory.file(name, name));
  await engine.up(sources.slice(0, 2), ["one:/x"], { run: { retries: 0, parallel: 1 }, labels: { k: "v" } });
  await engine.up(sources.slice(2), ["one"], DOWN);
  const before = engine.ended().map(({ id }) => id);
  engine.events.length = 0;
  const found: unknown[] = [];
  fake.behave = async (attempt) => {
    found.push(attempt.ctx.resume);
    return takeIt(attempt);
  };
  expect(await engine.resume()).toMatchObject({ ok: 3, failed: 0, exit: 0 });
  expect(engine.of("planned")).toMatchObject([{ uploads: 3, destinations: 1 }]);
  expect(engine.ended().map(({ id }) => id)).toEqual(before);
  expect(engine.ended().map(({ sourceIndex, destinationIndex }) => [sourceIndex, destinationIndex])).toEqual([
    [0, 0],
    [1, 0],
    [2, 0],
  ]);
  expect(engine.ended()[0]).toMatchObject({ folder: "/x", labels: { k: "v" }, attempts: 2 });
  expect(found).toEqual(["a", "b", "c"].map((name) => ({ phase: "sending", checkpoint: { name } })));
  expect(await engine.resume()).toMatchObject({ ok: 0, failed: 0, exit: 0 });
});

test("options are those of the run an upload came from", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost();
  fake.behave = down;
  await using engine = createEngine({ accounts: { one: fake } });
  await engine.up([directory.file("a", "a")], ["one"], { run: { retries: 2, resumable: "never" } });
  await engine.up([directory.file("b", "b")], ["one"], { run: { retries: 0, resumable: "auto" } });
  const options: Record<string, unknown> = {};
  const before = fake.attempts.length;
  fake.behave = (attempt) => {
    options[attempt.target.name] = attempt.ctx.options.resumable;
    return down(attempt);
  };
  expect(await engine.resume()).toMatchObject({ failed: 2, exit: 5 });
  expect(options).toEqual({ a: "never", b: "auto" });
  expect(fake.attempts.length - before).toBe(3 + 1);
});

test("attempts and seconds are those of the whole upload, the summary's seconds those of this run", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost();
  fake.behave = async (attempt) => {
    await Bun.sleep(300);
    return down(attempt);
  };
  await using engine = createEngine({ accounts: { one: fake } });
  const path = directory.file("a", "a");
  const first = await engine.up([path], ["one"], { run: { retries: 1 } });
  fake.behave = takeIt;
  await engine.resume();
  const [before, after] = engine.ended();
  expect([before?.attempts, after?.attempts]).toEqual([2, 3]);
  expect(before?.seconds).toBeGreaterThan(0.55);
  expect(first.seconds).toBeGreaterThan(0.55);
  expect(after?.seconds).toBeGreaterThan(before?.seconds ?? 0);
});

describe("what is taken", () => {
  test("by itself never what is unknown or failed for good; by its id also what failed for good", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost();
    fake.behave = ({ target }) => {
      const code = target.name === "a" ? "outcome_unknown" : target.name === "b" ? "host_rejected" : "network";
      throw new AppError(code, "as told");
    };
    await using engine = createEngine({ accounts: { one: fake } });
    const sources = ["a", "b", "c"].map((name) => directory.file(name, name));
    await engine.up(sources, ["one"], DOWN);
    const ids = new Map(engine.ended().map(({ name, id }) => [name, id]));
    engine.events.length = 0;
    fake.behave = takeIt;
    expect(await engine.resume()).toMatchObject({ ok: 1, failed: 0 });
    expect(engine.ended().map(({ name }) => name)).toEqual(["c"]);
    const [a = "", b = "", c = ""] = [...ids.values()].toSorted();
    expect(await engine.resume([a])).toMatchObject({ failed: 1, exit: 9 });
    expect(await engine.resume([a], { retryUnknown: true })).toMatchObject({ ok: 1 });
    expect(await engine.resume([b])).toMatchObject({ ok: 1 });
    expect(await engine.resume([c])).toMatchObject({ failed: 1, exit: 4, codes: { conflict: 1 } });
    expect(fake.attempts.filter(({ target }) => target.name === "c")).toHaveLength(2);
  });

  test("an id that does not exist is told before anything is sent", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost();
    fake.behave = down;
    await using engine = createEngine({ accounts: { one: fake } });
    await engine.up([directory.file("a", "a")], ["one"], DOWN);
    const id = engine.ended()[0]?.id ?? "";
    await expect(engine.resume([id, "nonsense"])).rejects.toMatchObject({ code: "not_found", exit: 4 });
    expect(fake.attempts).toHaveLength(1);
  });

  test("an upload that another process runs is left to it", async () => {
    using directory = temporaryDirectory();
    using state = temporaryDirectory();
    const fake = fakeHost();
    const inside = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    fake.behave = async (attempt) => {
      inside.resolve();
      await gate.promise;
      return takeIt(attempt);
    };
    await using first = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
    await using second = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
    const running = first.up([directory.file("a", "a")], ["one"]);
    await inside.promise;
    expect(await second.resume()).toMatchObject({ ok: 0, failed: 0, exit: 0 });
    const id = first.of("start")[0]?.upload.id ?? "";
    expect(await second.resume([id])).toMatchObject({ failed: 1, codes: { conflict: 1 } });
    gate.resolve();
    expect(await running).toMatchObject({ ok: 1 });
  });
});

describe("accounts that cannot be used", () => {
  test("leave their uploads open, and the others go on", async () => {
    using directory = temporaryDirectory();
    using state = temporaryDirectory();
    const fake = fakeHost();
    fake.behave = down;
    const source = directory.file("a", "a");
    {
      await using engine = createEngine({ accounts: { one: fake, two: fake }, stateDirectory: state.path });
      await engine.up([source], ["one", "two"], DOWN);
    }
    fake.behave = takeIt;
    {
      await using engine = createEngine({ accounts: { one: fake, two: fake }, stateDirectory: state.path });
      const noSecret = () => Promise.reject(new AppError("config", "set HOIST_TWO_PASSWORD"));
      Object.assign(engine.world.accounts.get("two") ?? {}, { credentials: noSecret });
      expect(await engine.resume()).toMatchObject({ ok: 1, failed: 1, exit: 3, codes: { config: 1 } });
      expect((await Array.fromAsync(engine.store.resumable())).map(({ account }) => account)).toEqual(["two"]);
    }
    {
      await using engine = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
      expect(await engine.resume()).toMatchObject({ failed: 1, exit: 2, codes: { config: 1 } });
    }
    await using engine = createEngine({ accounts: { one: fake, two: fake }, stateDirectory: state.path });
    expect(await engine.resume()).toMatchObject({ ok: 1, exit: 0 });
  });
});

describe("the file meanwhile", () => {
  test("is gone: that is a failing source, unless the host holds its bytes", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost("fake", { commits: true });
    fake.behave = async (attempt) => {
      if (attempt.target.name === "a") await attempt.ctx.phase("stored", { at: 1 });
      return down(attempt);
    };
    await using engine = createEngine({ accounts: { one: fake } });
    const sources = ["a", "b"].map((name) => directory.file(name, name));
    await engine.up(sources, ["one"], DOWN);
    for (const source of sources) unlinkSync(source);
    engine.events.length = 0;
    fake.behave = async ({ ctx, source }) => {
      expect(ctx.resume).toEqual({ phase: "stored", checkpoint: { at: 1 } });
      await source.assertUnchanged();
      const unread = source.open()[Symbol.asyncIterator]().next();
      await expect(unread).rejects.toMatchObject({ code: "source" });
      return { url: "https://fake.example/a", remoteId: null, size: source.size ?? 0, md5: null, verified: "md5" };
    };
    expect(await engine.resume()).toMatchObject({ ok: 1, failed: 1, codes: { source: 1 } });
    expect(engine.ended().find(({ name }) => name === "b")?.state).toBe("failed");
  });

  test.each(["committing", "committed"] as const)("is gone or has changed in %s: it still ends", async (phase) => {
    using directory = temporaryDirectory();
    const fake = fakeHost("fake", { commits: true });
    fake.behave = async (attempt) => {
      await attempt.ctx.phase(phase, { at: 1 });
      return down(attempt);
    };
    await using engine = createEngine({ accounts: { one: fake } });
    const sources = ["a", "b"].map((name) => directory.file(name, name));
    await engine.up(sources, ["one"], DOWN);
    unlinkSync(sources[0] ?? "");
    writeFileSync(sources[1] ?? "", "changed");
    const found: unknown[] = [];
    fake.behave = async ({ ctx }) => {
      found.push(ctx.resume);
      return { url: "https://fake.example/f", remoteId: "f", size: 1, md5: null, verified: "size" };
    };
    expect(await engine.resume()).toMatchObject({ ok: 2 });
    expect(found).toEqual([phase, phase].map((each) => ({ phase: each, checkpoint: { at: 1 } })));
  });

  test("has changed: a commit that was asked for is still asked for, anything else starts anew", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost("fake", { commits: true });
    fake.behave = async (attempt) => {
      await attempt.ctx.phase(attempt.target.name === "a" ? "committing" : "placed", { at: 1 });
      return down(attempt);
    };
    await using engine = createEngine({ accounts: { one: fake } });
    const sources = ["a", "b"].map((name) => directory.file(name, name));
    await engine.up(sources, ["one"], DOWN);
    for (const source of sources) writeFileSync(source, "changed");
    const found: Record<string, unknown> = {};
    fake.behave = (attempt) => {
      found[attempt.target.name] = attempt.ctx.resume;
      return takeIt(attempt);
    };
    expect(await engine.resume()).toMatchObject({ ok: 2 });
    expect(found).toEqual({ a: { phase: "committing", checkpoint: { at: 1 } }, b: null });
  });
});

test("a stop before the next run leaves its uploads as they are", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost("fake", { perAccount: 1 });
  fake.behave = down;
  await using engine = createEngine({ accounts: { one: fake } });
  await engine.up([directory.file("a", "a")], ["one"], DOWN);
  await engine.up([directory.file("b", "b")], ["one"], DOWN);
  fake.behave = async (attempt) => {
    engine.stop.abort(STOP_REASONS.SIGINT);
    return takeIt(attempt);
  };
  const summary = await engine.resume();
  expect(summary.exit).toBe(130);
  const open = await Array.fromAsync(engine.store.resumable());
  expect(open.map(({ name }) => name)).toContain("b");
  engine.stop = new AbortController();
  fake.behave = takeIt;
  expect(await engine.resume()).toMatchObject({ failed: 0, exit: 0 });
});

describe("after a death in the middle", () => {
  /** An engine in a process of its own, killed when its upload has reached a phase. */
  async function die(directory: string, file: string, phase: string, commits: boolean): Promise<void> {
    const support = `${import.meta.dir}/../support`;
    const program = `
      import { createEngine } from ${JSON.stringify(`${support}/engine.ts`)};
      import { fakeHost } from ${JSON.stringify(`${support}/fake-host.ts`)};
      const fake = fakeHost("fake", { commits: ${commits}, perAccount: 1 });
      fake.behave = async ({ ctx }) => {
        await ctx.phase(${JSON.stringify(phase)}, { at: 1 });
        process.kill(process.pid, "SIGKILL");
        return new Promise(() => {});
      };
      const engine = createEngine({ accounts: { one: fake }, stateDirectory: ${JSON.stringify(directory)} });
      await engine.up([${JSON.stringify(file)}, ${JSON.stringify(`${file}2`)}], ["one"]);
    `;
    const child = Bun.spawn([process.execPath, "-e", program], { stdout: "ignore", stderr: "inherit" });
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
  }

  test.each([
    ["sending", false, { ok: 2, failed: 0, exit: 0 }],
    ["finishing", false, { ok: 1, failed: 1, exit: 9 }],
    ["finishing", true, { ok: 2, failed: 0, exit: 0 }],
    ["committing", true, { ok: 2, failed: 0, exit: 0 }],
  ] as const)("in %s (host with commits: %p) the same command goes on", async (phase, commits, outcome) => {
    using directory = temporaryDirectory();
    const sources = [directory.file("f", "x"), directory.file("f2", "y")];
    const state = `${directory.path}/state`;
    await die(state, sources[0] ?? "", phase, commits);
    const fake = fakeHost("fake", { commits });
    const found: unknown[] = [];
    fake.behave = (attempt) => {
      found.push(attempt.ctx.resume);
      return takeIt(attempt);
    };
    await using engine = createEngine({ accounts: { one: fake }, stateDirectory: state });
    expect(await engine.up(sources, ["one"])).toMatchObject(outcome);
    expect(found).toContainEqual(null);
    if (outcome.ok === 2) expect(found).toContainEqual({ phase, checkpoint: { at: 1 } });
    else expect(engine.ended().map(codeOf)).toContain("outcome_unknown");
    // Told once: the next run sends it.
    if (outcome.ok === 1) expect(await engine.up(sources.slice(0, 1), ["one"])).toMatchObject({ ok: 1 });
  });

  test("what was never started goes on too", async () => {
    using directory = temporaryDirectory();
    const sources = [directory.file("f", "x"), directory.file("f2", "y")];
    const state = `${directory.path}/state`;
    await die(state, sources[0] ?? "", "sending", false);
    const fake = fakeHost();
    await using engine = createEngine({ accounts: { one: fake }, stateDirectory: state });
    expect(await engine.resume()).toMatchObject({ ok: 2, failed: 0 });
    expect([...fake.files.keys()].toSorted()).toEqual(["one //f", "one //f2"]);
  });
});

test("an upload of an account that is not configured any more is told with what forgets it", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost();
  fake.behave = down;
  await using engine = createEngine({ accounts: { one: fake } });
  await engine.up([directory.file("a", "a")], ["one"], DOWN);
  Object.assign(engine.world, { accounts: new Map() });
  engine.events.length = 0;
  await engine.resume();
  const [left] = engine.ended();
  expect(left?.outcome).toMatchObject({
    error: { code: "config", hint: expect.stringContaining(`hoist resume --drop ${left?.id}`) },
  });
});
