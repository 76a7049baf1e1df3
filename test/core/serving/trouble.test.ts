import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createSessions } from "../../../src/core/accounts/sessions.ts";
import type { JobStore } from "../../../src/core/job-store.ts";
import { AppError } from "../../../src/errors.ts";
import type { HostEnv } from "../../../src/hosts/host.ts";
import { codeOf, createEngine } from "../../support/engine.ts";
import { fakeHost, hang, takeIt } from "../../support/fake-host.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const READS = new Set<string>(["get", "uploadsOf", "siblings", "account", "queued", "runOptions", "resumable"]);
const STREAMS = new Set<string>(["endQueued", "uploadsOf", "resumable"]);

/** A store whose disk fills up on command. */
function fillable() {
  const disk = { full: false, readable: true };
  const refuse = () => new AppError("state", "the disk that holds the state directory is full");
  const wrap = (store: JobStore): JobStore =>
    new Proxy(store, {
      get(target, name) {
        const member = Reflect.get(target, name);
        if (typeof member !== "function" || typeof name !== "string") return member;
        return (...args: unknown[]) => {
          if (!disk.full || (disk.readable && READS.has(name))) return member.apply(target, args);
          if (STREAMS.has(name)) return failingStream(refuse());
          return Promise.reject(refuse());
        };
      },
    });
  return { disk, wrap };
}

async function* failingStream(error: AppError): AsyncGenerator<never> {
  yield* [];
  throw error;
}

describe("a disk that fills up", () => {
  test("lets running uploads end with their results, starts no other, and says so once", async () => {
    using directory = temporaryDirectory();
    const { disk, wrap } = fillable();
    const fake = fakeHost("fake", { perAccount: 2 });
    const bothInside = Promise.withResolvers<void>();
    fake.behave = async (attempt) => {
      await attempt.ctx.phase("sending");
      if (fake.attempts.length === 2) bothInside.resolve();
      await bothInside.promise;
      disk.full = true;
      return takeIt(attempt);
    };
    await using engine = createEngine({ accounts: { one: fake }, store: wrap });
    const sources = ["a", "b", "c", "d"].map((name) => directory.file(name, name));
    const summary = await engine.up(sources, ["one"]);
    expect(summary).toMatchObject({ ok: 2, failed: 2, exit: 3, codes: { state: 2 } });
    const ended = engine.ended().toSorted((a, b) => a.sourceIndex - b.sourceIndex);
    expect(ended.map(({ name }) => name)).toEqual(["a", "b", "c", "d"]);
    expect(ended[0]?.outcome).toMatchObject({ ok: true, url: "https://fake.example/a" });
    expect(engine.of("warning")).toHaveLength(1);
    expect(engine.of("warning")[0]?.text).toContain("no new one starts");
    const unrecorded = engine.of("unrecorded").map(({ upload, why }) => [upload.name, upload.state, why]);
    expect(unrecorded.toSorted()).toEqual(
      ["a", "b"].map((name) => [name, "done", "the disk that holds the state directory is full"]),
    );
    expect(fake.attempts).toHaveLength(2);
    disk.full = false;
  });

  test("lets a running upload retry, give up its lane and take it again", async () => {
    using directory = temporaryDirectory();
    const { disk, wrap } = fillable();
    const fake = fakeHost("fake", { perAccount: 1, commits: true });
    fake.behave = async (attempt) => {
      disk.full = true;
      if (attempt.number === 1) throw new AppError("network", "down");
      if (attempt.number === 2) {
        attempt.ctx.release();
        await attempt.ctx.phase("preparing");
        throw new AppError("network", "in doubt", { retry: { again: true, free: true, afterMs: 0 } });
      }
      return takeIt(attempt);
    };
    await using engine = createEngine({ accounts: { one: fake }, store: wrap });
    expect(await engine.up([directory.file("a", "a")], ["one"])).toMatchObject({ ok: 1, exit: 0 });
    expect(engine.ended()).toMatchObject([{ state: "done", attempts: 3 }]);
    disk.full = false;
  });

  test("is given a while to have room again: what became of an upload is then recorded, and its lane free", async () => {
    using directory = temporaryDirectory();
    const { disk, wrap } = fillable();
    const fake = fakeHost("fake", { perAccount: 1 });
    fake.behave = async (attempt) => {
      const result = await takeIt(attempt);
      disk.full = true;
      return result;
    };
    await using engine = createEngine({ accounts: { one: fake }, store: wrap });
    const room = setInterval(() => {
      if (engine.of("warning").length > 0) disk.full = false;
    }, 0);
    expect(await engine.up([directory.file("a", "a")], ["one"])).toMatchObject({ ok: 1, exit: 0 });
    clearInterval(room);
    const [ended] = engine.ended();
    expect(await engine.store.get(ended?.id ?? "")).toMatchObject({ state: "done", outcome: { ok: true } });
    fake.behave = takeIt;
    expect(await engine.up([directory.file("b", "b")], ["one"])).toMatchObject({ ok: 1, exit: 0 });
  });

  test("before anything was sent is this machine's state", async () => {
    using directory = temporaryDirectory();
    const { disk, wrap } = fillable();
    const fake = fakeHost();
    await using engine = createEngine({ accounts: { one: fake }, store: wrap });
    disk.full = true;
    await expect(engine.up([directory.file("a", "a")], ["one"])).rejects.toMatchObject({ code: "state", exit: 11 });
    expect(fake.attempts).toEqual([]);
    disk.full = false;
  });

  test("with a database that cannot even be read ends all the same", async () => {
    using directory = temporaryDirectory();
    const { disk, wrap } = fillable();
    const fake = fakeHost("fake", { perAccount: 1 });
    fake.behave = (attempt) => {
      disk.full = true;
      disk.readable = false;
      return takeIt(attempt);
    };
    await using engine = createEngine({ accounts: { one: fake }, store: wrap });
    const sources = ["a", "b"].map((name) => directory.file(name, name));
    expect(await engine.up(sources, ["one"], { run: { after: { do: "delete" } } })).toMatchObject({ ok: 1 });
    expect(await Bun.file(sources[0] ?? "").exists()).toBe(true);
    disk.full = false;
  });

  test("does not make a refused login or a full host something else", async () => {
    using directory = temporaryDirectory();
    const { disk, wrap } = fillable();
    const fake = fakeHost("fake", { perAccount: 1 });
    fake.behave = ({ target }) => {
      disk.full = true;
      if (target.name === "a") throw new AppError("host_auth", "refused");
      throw new AppError("rate_limited", "slow down", { retry: { coolDownMs: 10 } });
    };
    for (const [name, code] of [
      ["a", "host_auth"],
      ["b", "rate_limited"],
    ] as const) {
      await using engine = createEngine({ accounts: { one: fake }, store: wrap });
      await engine.up([directory.file(name, name)], ["one"]);
      expect(engine.ended().map(codeOf)).toEqual([code]);
      disk.full = false;
    }
  });
});

describe("an upload that another process has taken over", () => {
  test("stops before its next call, and leaves the record alone", async () => {
    using directory = temporaryDirectory();
    using state = temporaryDirectory();
    const fake = fakeHost();
    const calls: string[] = [];
    fake.behave = async ({ ctx }) => {
      await ctx.phase("sending");
      using other = new Database(join(state.path, "hoist.db"));
      other.run("UPDATE uploads SET fence = fence + 1, owner_id = NULL, state = 'interrupted', resumable = 1");
      calls.push("before");
      await ctx.phase("finishing");
      calls.push("after");
      return hang(ctx.signal);
    };
    await using engine = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
    expect(await engine.up([directory.file("f", "x")], ["one"])).toMatchObject({ failed: 1, exit: 11 });
    expect(calls).toEqual(["before"]);
    const [upload] = engine.ended();
    expect(codeOf(upload)).toBe("state");
    expect(await engine.store.get(upload?.id ?? "")).toMatchObject({ state: "interrupted", outcome: null });
    expect(engine.of("warning")).toEqual([]);
  });

  test("tells a success that it can no longer record", async () => {
    using directory = temporaryDirectory();
    using state = temporaryDirectory();
    const fake = fakeHost();
    fake.behave = async (attempt) => {
      const result = await takeIt(attempt);
      using other = new Database(join(state.path, "hoist.db"));
      other.run("UPDATE uploads SET fence = fence + 1, owner_id = NULL, state = 'interrupted', resumable = 1");
      return result;
    };
    await using engine = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
    const source = directory.file("f", "x");
    const summary = await engine.up([source], ["one"], { run: { after: { do: "delete" } } });
    expect(summary).toMatchObject({ ok: 1, exit: 0 });
    expect(engine.ended()[0]?.outcome).toMatchObject({ ok: true, url: "https://fake.example/f" });
    expect(engine.of("unrecorded")).toMatchObject([{ upload: { name: "f" }, why: expect.stringMatching(/another/) }]);
    expect(await Bun.file(source).exists()).toBe(true);
  });
});

test("a host that breaks its word is a bug of this upload alone", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost("fake", { perAccount: 1 });
  fake.behave = (attempt) => {
    if (attempt.target.name === "a") throw new RangeError("not even a promise");
    if (attempt.target.name === "b") return Promise.reject("a string");
    return takeIt(attempt);
  };
  await using engine = createEngine({ accounts: { one: fake } });
  const sources = ["a", "b", "c"].map((name) => directory.file(name, name));
  expect(await engine.up(sources, ["one"])).toMatchObject({ ok: 1, failed: 2, exit: 1, codes: { internal: 2 } });
});

test("locks hold between tasks and processes, and end with a stop", async () => {
  using directory = temporaryDirectory();
  using state = temporaryDirectory();
  const fake = fakeHost();
  await using here = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
  await using there = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
  const envs: HostEnv[] = [];
  for (const engine of [here, there]) {
    const account = engine.world.accounts.get("one");
    if (account === undefined) throw new Error("no account");
    const host = {
      ...account.host,
      open: async (_: unknown, __: unknown, env: HostEnv) => {
        envs.push(env);
        return { upload: () => Promise.reject(new Error("not used")) };
      },
    };
    await createSessions(engine.world, { idleTimeoutMs: 1, answerTimeoutMs: null })({ ...account, host });
  }
  let inside = 0;
  let most = 0;
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await Bun.sleep(3);
    inside -= 1;
    return directory.path;
  };
  const never = new AbortController().signal;
  const turns = envs.flatMap((env) => [1, 2, 3].map(() => env.exclusive("folders", never, work)));
  expect(await Promise.all(turns)).toEqual(turns.map(() => directory.path));
  expect(most).toBe(1);

  const [first, second] = envs;
  if (first === undefined || second === undefined) throw new Error("no sessions");
  await expect(first.exclusive("folders", never, () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const held = first.exclusive("folders", never, () => {
    begun.resolve();
    return gate.promise;
  });
  await begun.promise;
  const stop = new AbortController();
  const waiting = second.exclusive("folders", stop.signal, work);
  await Bun.sleep(20);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
  gate.resolve();
  await held;
});
