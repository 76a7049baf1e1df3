import { describe, expect, test } from "bun:test";
import { AppError, type AppErrorOptions, type ErrorCode } from "../../../src/errors.ts";
import { codeOf, createEngine } from "../../support/engine.ts";
import { type Behaviour, fakeHost, takeIt } from "../../support/fake-host.ts";
import { bytesOf, temporaryDirectory } from "../../support/temporary.ts";

/** Fails as told, attempt by attempt, then takes the file. */
function failing(...failures: readonly (readonly [ErrorCode, AppErrorOptions["retry"]?])[]): Behaviour {
  return async (attempt) => {
    const failure = failures[attempt.number - 1];
    if (failure === undefined) return takeIt(attempt);
    throw new AppError(failure[0], "as told", { retry: failure[1] });
  };
}

async function run(
  behaviour: Behaviour,
  options: Parameters<ReturnType<typeof createEngine>["up"]>[2] = {},
  stateDirectory: string | null = null,
) {
  using directory = temporaryDirectory();
  const fake = fakeHost();
  fake.behave = behaviour;
  await using engine = createEngine({ accounts: { one: fake }, stateDirectory });
  const summary = await engine.up([directory.file("f", bytesOf(1000))], ["one"], options);
  const [upload] = engine.ended();
  return { summary, upload, attempts: fake.attempts, waits: engine.of("retry").map(({ waitMs }) => waitMs), engine };
}

describe("what is tried again", () => {
  test("failures that are safe to repeat, as often as asked for", async () => {
    const { summary, attempts, upload, waits } = await run(failing(["network"], ["timeout"], ["host_unavailable"]));
    expect(summary).toMatchObject({ ok: 1, exit: 0 });
    expect(attempts).toHaveLength(4);
    expect(upload?.attempts).toBe(4);
    expect(waits).toHaveLength(3);
    for (const [index, wait] of waits.entries()) expect(wait).toBeLessThanOrEqual(2 ** index);
  });

  test("and no oftener", async () => {
    const dead = failing(...Array.from({ length: 20 }, () => ["network"] as const));
    const { summary, attempts } = await run(dead, { run: { retries: 3 } });
    expect(summary).toMatchObject({ ok: 0, failed: 1, exit: 5, retryable: true });
    expect(attempts).toHaveLength(4);
    expect((await run(dead, { run: { retries: 0 } })).attempts).toHaveLength(1);
  });

  test.each<ErrorCode>(["source", "certificate", "host_rejected", "host_quota", "integrity", "host_auth", "internal"])(
    "never %s",
    async (code) => {
      const { attempts, upload } = await run(failing([code]));
      expect(attempts).toHaveLength(1);
      expect(codeOf(upload)).toBe(code);
    },
  );

  test("what the host says of it outranks its code", async () => {
    expect((await run(failing(["integrity", { again: true }]))).summary.exit).toBe(0);
    expect((await run(failing(["network", { again: false }]))).summary.exit).toBe(5);
  });

  test("what nobody foresaw is a bug", async () => {
    const { summary, upload } = await run(() => Promise.reject(new TypeError("x is undefined")));
    expect(summary.exit).toBe(1);
    expect(codeOf(upload)).toBe("internal");
  });
});

describe("when", () => {
  test("exactly as long as the host asks", async () => {
    expect((await run(failing(["host_unavailable", { afterMs: 7 }]))).waits).toEqual([7]);
  });

  test("free attempts cost nothing", async () => {
    const free = Array.from({ length: 8 }, () => ["network", { again: true, free: true, afterMs: 0 }] as const);
    const { summary, attempts } = await run(failing(...free), { run: { retries: 0 } });
    expect(summary.exit).toBe(0);
    expect(attempts).toHaveLength(9);
  });

  test("the count starts again once the host holds the bytes, but only once", async () => {
    const stored =
      (left: number): Behaviour =>
      async (attempt) => {
        await attempt.ctx.phase("stored", { at: attempt.number });
        if (attempt.number <= left) throw new AppError("network", "no commit");
        return takeIt(attempt);
      };
    const settings = { run: { retries: 2 } };
    const fails = failing(["network"], ["network"]);
    const twoThenStored: Behaviour = (attempt) =>
      attempt.number <= 2 ? fails(attempt) : stored(4)({ ...attempt, number: attempt.number });
    expect((await run(twoThenStored, settings)).summary.exit).toBe(0);
    expect((await run(stored(3), settings)).attempts).toHaveLength(3);
  });

  test("a step may fail so often, whatever else fails", async () => {
    const spent: boolean[] = [];
    await run(async (attempt) => {
      spent.push(attempt.ctx.spend("login", 2));
      if (attempt.number < 5) throw new AppError("network", "again");
      spent.push(attempt.ctx.spend("other", 1));
      return takeIt(attempt);
    });
    expect(spent).toEqual([true, true, false, false, false, true]);
  });

  test("the count starts again with every confirmed part, and with nothing else that is recorded", async () => {
    const parts = async (progress: "confirmed" | undefined, retries: number) =>
      run(
        async (attempt) => {
          if (attempt.number === 7) return takeIt(attempt);
          await attempt.ctx.phase("sending", { done: attempt.number }, progress);
          throw new AppError("network", "as told");
        },
        { run: { retries } },
      );
    expect((await parts("confirmed", 1)).summary).toMatchObject({ ok: 1 });
    const { summary, attempts } = await parts(undefined, 1);
    expect(summary).toMatchObject({ failed: 1, exit: 5 });
    expect(attempts).toHaveLength(2);
  });

  test("the next attempt finds the last checkpoint", async () => {
    const found: unknown[] = [];
    await run(async (attempt) => {
      found.push(attempt.ctx.resume);
      if (attempt.number === 1) await attempt.ctx.phase("sending", { block: 1 });
      if (attempt.number === 2) await attempt.ctx.phase("finishing");
      if (attempt.number === 3) await attempt.ctx.phase("preparing", null);
      if (attempt.number < 4) throw new AppError("network", "again");
      return takeIt(attempt);
    });
    expect(found).toEqual([
      null,
      { phase: "sending", checkpoint: { block: 1 } },
      // A host without commits said that it does not have the file.
      { phase: "preparing", checkpoint: { block: 1 } },
      null,
    ]);
  });
});

describe("an unknown outcome", () => {
  const unknown = failing(["outcome_unknown"], ["outcome_unknown"]);

  test("is the end, and outranks what succeeded", async () => {
    using state = temporaryDirectory();
    const { summary, attempts, upload } = await run(unknown, {}, state.path);
    expect(summary).toMatchObject({ exit: 9, retryable: false });
    expect(attempts).toHaveLength(1);
    expect(upload?.state).toBe("unknown");
    const hint = upload?.outcome?.ok === false ? upload.outcome.error.hint : null;
    expect(hint).toContain(`hoist resume ${upload?.id} --retry-unknown; or, if it is a server's job: hoist jobs retry`);
  });

  test("that is recorded nowhere is not for hoist resume", async () => {
    const { upload } = await run(unknown);
    const hint = "look at your account; run this again if it is not there";
    expect(upload?.outcome).toMatchObject({ ok: false, error: { code: "outcome_unknown", hint } });
  });

  test("is repeated when asked for, within the retries", async () => {
    expect((await run(unknown, { run: { retryUnknown: true } })).summary.exit).toBe(0);
    expect((await run(unknown, { run: { retryUnknown: true, retries: 1 } })).summary.exit).toBe(9);
  });
});

describe("a refused login", () => {
  test("stops the account without another call, in this run and the next", async () => {
    using directory = temporaryDirectory();
    using state = temporaryDirectory();
    const fake = fakeHost("fake", { perAccount: 1 });
    const refusal = new AppError("host_auth", "refused", { hostMessage: "wrong password" });
    fake.behave = (attempt) => (attempt.account === "bad" ? Promise.reject(refusal) : takeIt(attempt));
    const sources = ["a", "b", "c"].map((name) => directory.file(name, name));
    {
      await using engine = createEngine({ accounts: { bad: fake, good: fake }, stateDirectory: state.path });
      const summary = await engine.up(sources, ["bad", "good"]);
      expect(summary).toMatchObject({ ok: 3, failed: 3, exit: 3, codes: { host_auth: 3 } });
      expect(fake.attempts.filter(({ account }) => account === "bad")).toHaveLength(1);
      for (const { outcome } of engine.ended()) {
        if (outcome?.ok === false) expect(outcome.error.hostMessage).toBe("wrong password");
      }
    }
    {
      await using engine = createEngine({ accounts: { bad: fake }, stateDirectory: state.path });
      expect(await engine.up(sources, ["bad"])).toMatchObject({ failed: 3, exit: 6 });
      expect(fake.attempts.filter(({ account }) => account === "bad")).toHaveLength(1);
    }
    fake.behave = takeIt;
    await using engine = createEngine({ accounts: { bad: fake }, stateDirectory: state.path, secrets: { bad: "new" } });
    expect(await engine.up(sources, ["bad"])).toMatchObject({ ok: 3, exit: 0 });
  });

  test("also stops an upload that waits for its next attempt", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost("fake", { perAccount: 2 });
    const waiting = Promise.withResolvers<void>();
    fake.behave = async ({ target }) => {
      if (target.name === "a") throw new AppError("network", "later", { retry: { afterMs: 50 } });
      await waiting.promise;
      throw new AppError("host_auth", "refused");
    };
    await using engine = createEngine({ accounts: { one: fake } });
    engine.onEvent = ({ type }) => type === "retry" && waiting.resolve();
    const sources = ["a", "b"].map((name) => directory.file(name, name));
    expect(await engine.up(sources, ["one"])).toMatchObject({ failed: 2, exit: 6 });
    expect(fake.attempts).toHaveLength(2);
  });
});

describe("a cool-down", () => {
  const busy = (ms: number | null) => new AppError("rate_limited", "slow down", { retry: { coolDownMs: ms } });

  test("is waited for, by the account alone, and costs no retry", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost("fake", { perAccount: 1 });
    const startedAt: number[] = [];
    fake.behave = async (attempt) => {
      if (attempt.account === "one") startedAt.push(performance.now());
      if (attempt.account === "one" && startedAt.length === 1) throw busy(150);
      return takeIt(attempt);
    };
    await using engine = createEngine({ accounts: { one: fake, two: fake } });
    let twoDoneAt = 0;
    engine.onEvent = (event) => {
      if (event.type === "ended" && event.upload.account === "two") twoDoneAt = performance.now();
    };
    const sources = ["a", "b"].map((name) => directory.file(name, name));
    // One slot: the account that rests must not hold it.
    const summary = await engine.up(sources, ["one", "two"], { run: { retries: 0, parallel: 1 } });
    expect(summary).toMatchObject({ ok: 4, exit: 0 });
    expect((startedAt[1] ?? 0) - (startedAt[0] ?? 0)).toBeGreaterThanOrEqual(149);
    expect(twoDoneAt).toBeLessThan(startedAt[1] ?? 0);
    expect(engine.of("cool_down")).toHaveLength(1);
  });

  test("that is longer than the patience ends the account's uploads, open to resume and without a call", async () => {
    using directory = temporaryDirectory();
    using state = temporaryDirectory();
    const fake = fakeHost("fake", { perAccount: 1 });
    fake.behave = () => Promise.reject(busy(60_000));
    const sources = ["a", "b", "c"].map((name) => directory.file(name, name));
    await using engine = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
    const settings = { run: { waitCoolDownMs: 1000 } };
    expect(await engine.up(sources, ["one"], settings)).toMatchObject({ failed: 3, exit: 5, retryable: true });
    expect(fake.attempts).toHaveLength(1);
    expect(engine.ended().map(({ state }) => state)).toEqual(["failed", "interrupted", "interrupted"]);
    expect(await Array.fromAsync(engine.store.resumable())).toHaveLength(3);
    // A later run in that time makes no call either.
    await using later = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
    expect(await later.up([directory.file("d", "d")], ["one"], settings)).toMatchObject({ failed: 1, exit: 5 });
    expect(fake.attempts).toHaveLength(1);
  });
});

describe("a captcha", () => {
  const page = "https://fake.example/captcha";

  test("is waited for until a person has solved it", async () => {
    let asked = 0;
    const { summary, engine } = await run(
      async (attempt) => {
        while (asked < 3) {
          asked += 1;
          await attempt.ctx.person({ kind: "captcha", url: asked === 3 ? `${page}/2` : page });
        }
        return takeIt(attempt);
      },
      { run: { waitCaptchaMs: 10_000 } },
    );
    expect(summary.exit).toBe(0);
    expect(engine.of("captcha").map(({ url }) => url)).toEqual([page, `${page}/2`]);
  });

  test("that nobody waits for stops the account, and leaves its uploads to resume", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost("fake", { perAccount: 1 });
    fake.behave = async (attempt) => {
      if (attempt.account === "one") await attempt.ctx.person({ kind: "captcha", url: page });
      return takeIt(attempt);
    };
    await using engine = createEngine({ accounts: { one: fake, two: fake } });
    const sources = ["a", "b", "c"].map((name) => directory.file(name, name));
    const summary = await engine.up(sources, ["one", "two"]);
    expect(summary).toMatchObject({ ok: 3, failed: 3, exit: 3, codes: { captcha: 3 } });
    expect(fake.attempts.filter(({ account }) => account === "one")).toHaveLength(1);
    expect(engine.of("captcha")).toMatchObject([{ account: "one", url: page, waits: false }]);
    const open = await Array.fromAsync(engine.store.resumable());
    expect(open.map(({ account }) => account)).toEqual(["one", "one", "one"]);
    for (const upload of engine.ended()) {
      if (upload.outcome?.ok === false) expect(upload.outcome.error).toMatchObject({ code: "captcha", url: page });
    }
  });

  test("of which a new page comes when the time is up: nobody is sent there in vain, the failure names it", async () => {
    let asked = 0;
    const { summary, engine, upload } = await run(
      async ({ ctx }) => {
        for (;;) {
          asked += 1;
          await ctx.person({ kind: "captcha", url: `${page}/${asked}` });
        }
      },
      { run: { waitCaptchaMs: 30 } },
    );
    expect(summary.exit).toBe(10);
    const shown = engine.of("captcha").map(({ url }) => url);
    expect(shown).toEqual(Array.from({ length: asked - 1 }, (_, index) => `${page}/${index + 1}`));
    expect(upload?.outcome).toMatchObject({ error: { code: "captcha", url: `${page}/${asked}` } });
  });

  test("is waited for once, by all uploads of the account together", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost("fake", { perAccount: 4 });
    fake.behave = async ({ ctx }) => {
      for (;;) await ctx.person({ kind: "captcha", url: page });
    };
    await using engine = createEngine({ accounts: { one: fake } });
    const sources = ["a", "b", "c", "d", "e"].map((name) => directory.file(name, name));
    const startedAt = performance.now();
    const summary = await engine.up(sources, ["one"], { run: { waitCaptchaMs: 300 } });
    expect(summary).toMatchObject({ failed: 5, exit: 10 });
    expect(performance.now() - startedAt).toBeLessThan(1200);
    expect(engine.of("captcha")).toHaveLength(1);
  });
});

test("a dead host is not hammered by a long queue", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost("fake", { perAccount: 8 });
  fake.behave = () => Promise.reject(new AppError("network", "dead", { retry: { afterMs: 0 } }));
  await using engine = createEngine({ accounts: { one: fake } });
  const sources = Array.from({ length: 100 }, (_, index) => directory.file(`${index}`, "x"));
  const summary = await engine.up(sources, ["one"], { run: { parallel: 8 } });
  expect(summary).toMatchObject({ failed: 100, exit: 5 });
  // One attempt each, and the run's budget of retries: not six each.
  expect(fake.attempts.length).toBeLessThanOrEqual(100 + 60);
});

test("a session that cannot be opened fails its uploads, and may be opened again", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost("fake", { perAccount: 1 });
  fake.open = async () => {
    fake.open = null;
    throw new AppError("config", "no such key");
  };
  await using engine = createEngine({ accounts: { one: fake } });
  const sources = ["a", "b"].map((name) => directory.file(name, name));
  expect(await engine.up(sources, ["one"])).toMatchObject({ ok: 1, failed: 1, codes: { config: 1 } });
  expect(fake.opened()).toBe(2);
});
