import { describe, expect, test } from "bun:test";
import { AppError } from "../../../src/errors.ts";
import { countingSignal } from "../../support/counting-signal.ts";
import { codeOf, createEngine } from "../../support/engine.ts";
import { fakeHost, takeIt } from "../../support/fake-host.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../support/temporary.ts";

function filesIn(directory: TemporaryDirectory, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => directory.file(`f${String(index).padStart(5, "0")}`, `${index}`));
}

test("uploads run to their end, and the summary counts them", async () => {
  using directory = temporaryDirectory();
  const sources = [directory.file("a.txt", "alpha"), directory.file("b.txt", "beta"), directory.file("empty", "")];
  const fake = fakeHost();
  await using engine = createEngine({ accounts: { one: fake } });
  const summary = await engine.up(sources, ["one:/folder"], { labels: { k: "v" } });
  expect(summary).toMatchObject({ ok: 3, failed: 0, skipped: 0, bytes: 9, exit: 0, retryable: false, codes: {} });
  expect(engine.of("planned")).toMatchObject([{ uploads: 3, destinations: 1, bytes: 9 }]);
  expect(engine.of("start")).toHaveLength(3);
  expect(engine.of("stored")).toHaveLength(3);
  for (const upload of engine.ended()) {
    expect(upload).toMatchObject({ state: "done", folder: "/folder", labels: { k: "v" }, attempts: 1 });
    expect(await engine.store.get(upload.id)).toMatchObject({ state: "done", attempts: 1 });
  }
  expect([...fake.files.keys()].sort()).toEqual(["one /folder/a.txt", "one /folder/b.txt", "one /folder/empty"]);
});

describe("side by side", () => {
  test("no more uploads than asked for, and as many", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost("fake", { perAccount: 8 });
    fake.behave = async (attempt) => {
      await Bun.sleep(2);
      return takeIt(attempt);
    };
    await using engine = createEngine({ accounts: { one: fake, two: fake } });
    const summary = await engine.up(filesIn(directory, 20), ["one", "two"], { run: { parallel: 3 } });
    expect(summary.ok).toBe(40);
    expect(fake.mostActive.get("*")).toBe(3);
  });

  test("no more than a host takes of one account, while others go on", async () => {
    using directory = temporaryDirectory();
    const narrow = fakeHost("narrow", { perAccount: 1 });
    const wide = fakeHost("wide", { perAccount: 2 });
    for (const fake of [narrow, wide]) {
      fake.behave = async (attempt) => {
        await Bun.sleep(3);
        return takeIt(attempt);
      };
    }
    await using engine = createEngine({ accounts: { one: narrow, two: narrow, three: wide } });
    const summary = await engine.up(filesIn(directory, 10), ["one", "two", "three"], { run: { parallel: 16 } });
    expect(summary.ok).toBe(30);
    expect([narrow.mostActive.get("one"), narrow.mostActive.get("two")]).toEqual([1, 1]);
    expect(wide.mostActive.get("three")).toBe(2);
    expect(narrow.mostActive.get("*")).toBe(2);
  });

  test("one destination that fails does not stop the others", async () => {
    using directory = temporaryDirectory();
    const good = fakeHost("good");
    const bad = fakeHost("bad");
    bad.behave = () => Promise.reject(new AppError("host_rejected", "no"));
    await using engine = createEngine({ accounts: { good, bad } });
    const summary = await engine.up(filesIn(directory, 5), ["good", "bad"]);
    expect(summary).toMatchObject({ ok: 5, failed: 5, exit: 3, codes: { host_rejected: 5 } });
  });

  test("a lane is shared with other processes: their upload is waited for, and named once", async () => {
    using directory = temporaryDirectory();
    using state = temporaryDirectory();
    const fake = fakeHost("fake", { perAccount: 1 });
    const inside = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    fake.behave = async (attempt) => {
      inside.resolve();
      if (attempt.number === 1 && attempt.target.name === "first") await gate.promise;
      return takeIt(attempt);
    };
    await using here = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
    await using there = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
    const first = here.up([directory.file("first", "1")], ["one"]);
    await inside.promise;
    const second = there.up([directory.file("second", "2")], ["one"]);
    while (there.of("lane_busy").length === 0) await Bun.sleep(5);
    await Bun.sleep(200);
    expect(there.of("lane_busy")).toMatchObject([{ account: "one", owner: { command: "hoist test" } }]);
    expect(fake.attempts).toHaveLength(1);
    gate.resolve();
    expect(await first).toMatchObject({ exit: 0 });
    expect(await second).toMatchObject({ exit: 0 });
    expect(fake.mostActive.get("one")).toBe(1);
  });
});

describe("a lane given up early", () => {
  test("lets the next upload send while the first is placed and committed", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost("fake", { perAccount: 1, commits: true });
    const secondStarted = Promise.withResolvers<void>();
    const mores: boolean[] = [];
    fake.behave = async (attempt) => {
      if (attempt.target.name === "f00001") secondStarted.resolve();
      const result = await takeIt(attempt);
      mores.push(attempt.ctx.more());
      attempt.ctx.release();
      attempt.ctx.release();
      if (attempt.target.name === "f00000") await secondStarted.promise;
      return result;
    };
    await using engine = createEngine({ accounts: { one: fake } });
    expect(await engine.up(filesIn(directory, 2), ["one"], { run: { parallel: 1 } })).toMatchObject({ ok: 2 });
    expect(mores).toEqual([true, false]);
  });

  test.each([
    [2, 4],
    [8, 2],
  ])(
    "is taken again for an attempt that sends, within all limits: %d of the host, %d of the run",
    async (perAccount, parallel) => {
      using directory = temporaryDirectory();
      const fake = fakeHost("fake", { perAccount, commits: true });
      let sending = 0;
      let most = 0;
      fake.behave = async (attempt) => {
        await attempt.ctx.phase("sending");
        sending += 1;
        most = Math.max(most, sending);
        await Bun.sleep(1);
        sending -= 1;
        await attempt.ctx.phase("stored");
        attempt.ctx.release();
        await Bun.sleep(1);
        if (attempt.number === 1) {
          await attempt.ctx.phase("preparing");
          throw new AppError("network", "in doubt", { retry: { again: true, free: true, afterMs: 0 } });
        }
        return takeIt(attempt);
      };
      await using engine = createEngine({ accounts: { one: fake } });
      const summary = await engine.up(filesIn(directory, 30), ["one"], { run: { parallel, retries: 0 } });
      expect(summary).toMatchObject({ ok: 30, failed: 0 });
      expect(most).toBe(2);
      expect(fake.attempts).toHaveLength(60);
    },
  );
});

test("thousands of uploads end, one after the other told, and nothing is left behind", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost("fake", { perAccount: 8 });
  fake.behave = async ({ target, ctx }) => {
    await ctx.phase("stored");
    ctx.release();
    return { url: `https://fake.example/${target.name}`, remoteId: null, size: 1, md5: null, verified: "size" };
  };
  await using engine = createEngine({ accounts: { one: fake } });
  const { controller, listeners, mostListeners } = countingSignal();
  engine.stop = controller;
  const before = process.memoryUsage.rss();
  const summary = await engine.up(filesIn(directory, 1500), ["one"], { run: { parallel: 8 } });
  expect(summary).toMatchObject({ ok: 1500, failed: 0, exit: 0 });
  expect(new Set(engine.ended().map(({ id }) => id)).size).toBe(1500);
  expect(listeners()).toBe(0);
  expect(mostListeners()).toBeLessThan(600);
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024);
}, 20_000);

test("a run ends as soon as its last upload has", async () => {
  using directory = temporaryDirectory();
  const [source = ""] = filesIn(directory, 1);
  for (let round = 0; round < 20; round += 1) {
    await using engine = createEngine({ accounts: { one: fakeHost() } });
    let endedAt = 0;
    engine.onEvent = ({ type }) => {
      if (type === "ended") endedAt = performance.now();
    };
    await engine.up([source], ["one"]);
    expect(performance.now() - endedAt).toBeLessThan(5000);
  }
});

test("a note is told once, whoever gives it", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost();
  fake.behave = (attempt) => {
    attempt.ctx.note("may take a while");
    attempt.ctx.note(attempt.target.name);
    return takeIt(attempt);
  };
  await using engine = createEngine({ accounts: { one: fake } });
  await engine.up(filesIn(directory, 3), ["one"]);
  expect(
    engine
      .of("note")
      .map(({ text }) => text)
      .sort(),
  ).toEqual(["one: f00000", "one: f00001", "one: f00002", "one: may take a while"]);
});

test("progress counts bytes, and takes a broken attempt's back", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost();
  fake.behave = async (attempt) => {
    for await (const _ of attempt.source.open()) {
      await Bun.sleep(60);
      if (attempt.number === 1 && attempt.source.bytesRead > 150_000) throw new AppError("network", "broken");
    }
    return takeIt(attempt);
  };
  await using engine = createEngine({ accounts: { one: fake } });
  const source = directory.file("f", new Uint8Array(500_000));
  const startedAt = performance.now();
  expect(await engine.up([source], ["one"])).toMatchObject({ ok: 1 });
  const told = engine.of("progress");
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThanOrEqual((performance.now() - startedAt) / 250 + 1);
  expect(told.at(-1)?.bytes).toBe(500_000);
  for (const { bytes, size, rate } of told) {
    expect(size).toBe(500_000);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(500_000);
    expect(rate).toBeGreaterThanOrEqual(0);
    expect(rate).toBe(Math.round(rate));
  }
  expect(engine.ended().map(codeOf)).toEqual([null]);
});
