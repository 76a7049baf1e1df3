import { expect, test } from "bun:test";
import { appendFileSync, existsSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { inputErrorsOf } from "../../../src/core/invalid-input.ts";
import { AppError } from "../../../src/errors.ts";
import { fakeHost, hang, takeIt } from "../../support/fake-host.ts";
import { startServer } from "../../support/server.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

test("a job goes to all its destinations and ends done", async () => {
  const [one, two] = [fakeHost(), fakeHost("other", { folders: false })];
  await using server = await startServer({ accounts: { one, two } });
  const job = await server.add(server.files.file("a.bin", "abc"), ["one:/Movies", "two"], { labels: { build: "42" } });
  expect(job).toMatchObject({ state: "queued", labels: { build: "42" }, source: { size: 3 } });
  const ended = await server.ended(job.id);
  expect(ended.state).toBe("done");
  expect(ended.uploads).toMatchObject([
    { account: "one", folder: "/Movies", ok: true, verified: "size", bytes: 3, url: "https://fake.example/a.bin" },
    { account: "two", folder: null, ok: true, phase: "stored" },
  ]);
  const states = () => server.events.flatMap((event) => (event.type === "job.state" ? [event.job.state] : []));
  // What is recorded is told after that.
  while (states().at(-1) !== "done") await Bun.sleep(1);
  expect(states()[0]).toBe("queued");
});

test("paths outside the roots, links, directories and what is missing are one and the same refusal", async () => {
  await using server = await startServer({ accounts: { one: fakeHost() } });
  using outside = temporaryDirectory();
  const link = join(server.files.path, "link");
  symlinkSync(outside.file("secret", "s"), link);
  const refusals: string[][] = [];
  for (const path of [outside.file("x", "x"), link, server.files.path, join(server.files.path, "none"), "relative"]) {
    refusals.push(
      await server.add(path, ["one"]).then(
        () => ["queued"],
        (error) => [error.code, error.message],
      ),
    );
  }
  expect(new Set(refusals.map((each) => JSON.stringify(each))).size).toBe(1);
  expect(refusals[0]?.[0]).toBe("source");
});

test("what is wrong with a request is named by its place, without quoting it", async () => {
  await using server = await startServer({ accounts: { one: fakeHost(), flat: fakeHost("flat", { folders: false }) } });
  const path = server.files.file("a", "a");
  const wrong: [string[], string | null, string, string][] = [
    [["one", "canary:/x"], null, "to[1]", "names no account of this server"],
    [["flat:/canary"], null, "to[0]", "names a folder, and The flat host has none"],
    [["one:/canary/../x"], null, "to[0]", "names a folder that cannot be"],
    [[], null, "to", "is missing"],
    [["one"], "{canary}", "name", "has a placeholder that is not known"],
  ];
  for (const [to, name, at, words] of wrong) {
    const error: AppError = await server.add(path, to, { name }).then(
      () => new AppError("internal", "it was queued"),
      (thrown) => thrown,
    );
    expect(error.code).toBe("usage");
    expect(error.message).toContain(`${at} ${words}`);
    expect(inputErrorsOf(error)).toMatchObject([{ path: at }]);
    expect(error.message).not.toContain("canary");
  }
});

test("a directory becomes a job for each of its files, in one group", async () => {
  const one = fakeHost();
  await using server = await startServer({ accounts: { one } });
  server.files.file("a", "a");
  server.files.file("b", "b");
  const request = server.engine.jobs.readRequest({
    ...{ path: server.files.path, to: ["one:/X"], name: null, labels: {}, recursive: true, callback: null },
    ...{ notBefore: null, resumable: "auto", after: "keep" },
  });
  const { jobs } = await server.engine.jobs.add(request, server.submitter, null);
  expect(jobs).toHaveLength(2);
  expect(new Set(jobs.map(({ group }) => group)).size).toBe(1);
  for (const { id } of jobs) expect((await server.ended(id)).state).toBe("done");
});

test("the same key and request give the same job, another request is refused", async () => {
  await using server = await startServer({ accounts: { one: fakeHost() } });
  const { jobs } = server.engine;
  const request = (name: string) =>
    jobs.readRequest({
      ...{ path: server.files.file(name, name), to: ["one"], name: null, labels: {}, recursive: false },
      ...{ callback: null, notBefore: null, resumable: "auto" as const, after: "keep" },
    });
  const key = (hash: string) => ({ scope: "t", key: "k", hash });
  const first = await jobs.add(request("a"), server.submitter, key("1"));
  const second = await jobs.add(request("a"), server.submitter, key("1"));
  expect(second).toMatchObject({ created: false, jobs: [{ id: first.jobs[0]?.id }] });
  rmSync(join(server.files.path, "a"));
  const again = { ...request("b"), path: join(server.files.path, "a") };
  expect(await jobs.add(again, server.submitter, key("1"))).toMatchObject({ jobs: [{ id: first.jobs[0]?.id }] });
  const third = await jobs.add(request("b"), server.submitter, key("2")).catch((error) => error.code);
  expect(third).toBe("unprocessable");
});

test("a job that comes while another is claimed or ends is not left in the queue", async () => {
  await using server = await startServer({ accounts: { one: fakeHost("fake", { perAccount: 1 }) } });
  const file = server.files.file("a", "a");
  for (let round = 0; round < 30; round += 1) {
    const added: Promise<{ readonly id: string }>[] = [];
    for (let n = 0; n < 3; n += 1) {
      added.push(server.add(file, ["one"]));
      if (n === round % 3) await Bun.sleep(round % 5);
    }
    // A queue that has missed one looks again only after a minute.
    for (const { id } of await Promise.all(added)) expect((await server.ended(id)).state).toBe("done");
  }
});

test("no account takes the job of another, however new that one is", async () => {
  const hosts = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`a${n}`, fakeHost(`host-${n}`)]));
  await using server = await startServer({ accounts: hosts, parallel: 16 });
  const file = server.files.file("a", "a");
  const added: { readonly id: string }[] = [];
  for (const name of Object.keys(hosts)) {
    added.push(await server.add(file, ["a0"]), await server.add(file, [name], { name: `for ${name}` }));
  }
  for (const { id } of added) await server.ended(id);
  for (const [name, { attempts }] of Object.entries(hosts)) {
    const strange = attempts.filter(
      ({ target }) => target.name !== `for ${name}` && (name !== "a0" || target.name !== "a"),
    );
    expect(strange.map(({ target }) => target.name)).toEqual([]);
  }
});

test("a running job is cancelled, a queued one too, and either can be tried again", async () => {
  const one = fakeHost("fake", { perAccount: 1 });
  one.behave = async ({ ctx }) => {
    await ctx.phase("sending");
    return hang(ctx.signal);
  };
  await using server = await startServer({ accounts: { one } });
  const running = await server.add(server.files.file("a", "a"), ["one"]);
  await server.until(running.id, ({ state }) => state === "running");
  const queued = await server.add(server.files.file("b", "b"), ["one"]);
  for (const { id } of [queued, running]) {
    expect((await server.engine.jobs.cancel(id, server.roots)).state).toBe("cancelled");
  }
  expect((await server.ended(running.id)).state).toBe("cancelled");
  expect((await server.ended(queued.id)).state).toBe("cancelled");
  one.behave = takeIt;
  await server.engine.jobs.retry(running.id, server.roots);
  expect((await server.ended(running.id)).state).toBe("done");
});

test("a failure that may pass waits for another round; one that will not is the end", async () => {
  const one = fakeHost();
  one.behave = async ({ target }) => {
    throw new AppError(target.name === "a" ? "network" : "host_rejected", "as told");
  };
  await using server = await startServer({ accounts: { one } });
  const passing = await server.add(server.files.file("a", "a"), ["one"]);
  const final = await server.add(server.files.file("b", "b"), ["one"]);
  const before = Date.now();
  const waiting = await server.until(passing.id, ({ state }) => state === "waiting");
  const { waitingUntil } = waiting;
  expect(waiting).toMatchObject({ waitingFor: "retry", uploads: [{ waitingFor: "retry", waitingUntil }] });
  const waitMs = Date.parse(waitingUntil ?? "") - before;
  expect(waitMs).toBeGreaterThan(50_000);
  expect(waitMs).toBeLessThanOrEqual(61_000);
  expect((await server.ended(final.id)).uploads[0]?.error?.code).toBe("host_rejected");
});

test("a refused login pauses the account until it is resumed, and others go on", async () => {
  const [one, two] = [fakeHost("fake", { perAccount: 1 }), fakeHost("other")];
  one.behave = async () => {
    throw new AppError("host_auth", "wrong password");
  };
  await using server = await startServer({ accounts: { one, two } });
  const stuck = await server.add(server.files.file("a", "a"), ["one"]);
  const later = await server.add(server.files.file("b", "b"), ["one"]);
  await server.until(stuck.id, ({ waitingFor }) => waitingFor === "account");
  expect((await server.ended((await server.add(server.files.file("c", "c"), ["two"])).id)).state).toBe("done");
  expect(one.attempts).toHaveLength(1);
  expect((await server.engine.jobs.accounts()).find(({ name }) => name === "one")?.state).toBe("paused");
  one.behave = takeIt;
  await server.engine.jobs.resumeAccount("one");
  expect((await server.ended(stuck.id)).state).toBe("done");
  expect((await server.ended(later.id)).state).toBe("done");
});

test("a pause by hand outlasts the refusal of the upload that still ran", async () => {
  const one = fakeHost("fake", { perAccount: 1 });
  const paused = Promise.withResolvers<void>();
  one.behave = async () => {
    await paused.promise;
    throw new AppError("host_auth", "wrong password");
  };
  await using server = await startServer({ accounts: { one } });
  const { id } = await server.add(server.files.file("a", "a"), ["one"]);
  await server.until(id, ({ state }) => state === "running");
  await server.engine.jobs.pauseAccount("one");
  paused.resolve();
  await server.until(id, ({ waitingFor }) => waitingFor === "account");
  const [state] = [...(await server.store.accountStates()).values()];
  expect(state).toMatchObject({ paused: true, pausedBecause: null, refusedMessage: "wrong password" });
});

test("an account that waits for a person holds nobody else up, shows the page, and goes on by itself", async () => {
  const [one, two] = [fakeHost(), fakeHost("other")];
  let solved = false;
  one.behave = async (attempt) => {
    await attempt.ctx.phase("preparing");
    while (!solved) await attempt.ctx.person({ kind: "captcha", url: "https://captcha.example/1" });
    return takeIt(attempt);
  };
  await using server = await startServer({ accounts: { one, two }, parallel: 1 });
  const parked = await server.add(server.files.file("a", "a"), ["one"]);
  const waiting = await server.until(parked.id, ({ waitingFor }) => waitingFor === "captcha");
  expect(waiting.uploads[0]?.error).toMatchObject({ code: "captcha", url: "https://captcha.example/1" });
  // Another upload of the account waits for the same page.
  const behind = await server.add(server.files.file("a2", "a2"), ["one"]);
  expect(behind).toMatchObject({ state: "waiting", waitingFor: "captcha" });
  expect(behind.uploads[0]?.error).toMatchObject({ code: "captcha", url: "https://captcha.example/1" });
  for (const name of ["b", "c"]) {
    expect((await server.ended((await server.add(server.files.file(name, name), ["two"])).id)).state).toBe("done");
  }
  expect((await server.engine.jobs.accounts())[0]).toMatchObject({
    state: "captcha",
    running: 0,
    captchaUrl: "https://captcha.example/1",
  });
  solved = true;
  expect((await server.ended(parked.id)).state).toBe("done");
});

test("a stop waits for what moves bytes, not for a person", async () => {
  using state = temporaryDirectory();
  using files = temporaryDirectory();
  const [one, two] = [fakeHost(), fakeHost("other")];
  let solved = false;
  const goOn = Promise.withResolvers<void>();
  one.behave = async (attempt) => {
    if (attempt.target.name === "late") await goOn.promise;
    await attempt.ctx.phase("preparing");
    while (!solved) await attempt.ctx.person({ kind: "captcha", url: "https://captcha.example/1" });
    return takeIt(attempt);
  };
  const moving = Promise.withResolvers<void>();
  two.behave = async (attempt) => {
    await moving.promise;
    return takeIt(attempt);
  };
  const options = { accounts: { one, two }, stateDirectory: state.path, files };
  const parked: string[] = [];
  let sent = "";
  {
    await using server = await startServer(options);
    for (const name of ["late", "a"]) parked.push((await server.add(files.file(name, name), ["one"])).id);
    sent = (await server.add(files.file("b", "b"), ["two"])).id;
    await server.until(parked[1] ?? "", ({ waitingFor }) => waitingFor === "captcha");
    await server.until(sent, ({ state }) => state === "running");
    const stopped = server.engine.stop(60_000);
    const left = (id = "") => server.until(id, ({ state }) => state === "queued");
    expect(await left(parked[1])).toMatchObject({ uploads: [{ phase: "preparing", ok: null }] });
    // One that meets the captcha only now does not stay either.
    goOn.resolve();
    await left(parked[0]);
    moving.resolve();
    await stopped;
    expect((await server.engine.jobs.get(sent, server.roots)).state).toBe("done");
  }
  solved = true;
  await using server = await startServer(options);
  for (const id of parked) expect((await server.ended(id)).state).toBe("done");
});

test("a stop waits for no cool-down: what rests goes on with the next start", async () => {
  const one = fakeHost();
  const goOn = Promise.withResolvers<void>();
  one.behave = async ({ target, ctx }) => {
    await ctx.phase("preparing");
    await ctx.phase("finishing");
    if (target.name === "late") await goOn.promise;
    throw new AppError("rate_limited", "slow down", { retry: { coolDownMs: 60_000 } });
  };
  await using server = await startServer({ accounts: { one } });
  const ids: string[] = [];
  for (const name of ["late", "a"]) ids.push((await server.add(server.files.file(name, name), ["one"])).id);
  await server.until(ids[1] ?? "", ({ waitingFor }) => waitingFor === "cool-down");
  const stopped = server.engine.stop(60_000);
  goOn.resolve();
  await stopped;
  for (const id of ids) {
    expect(await server.engine.jobs.get(id, server.roots)).toMatchObject({
      state: "waiting",
      uploads: [{ ok: null, phase: "preparing", error: { code: "cancelled" } }],
    });
  }
});

test("a cool-down shows on the upload that met it, in lists and in counts, and ends", async () => {
  const one = fakeHost("fake", { perAccount: 1 });
  let asked = 0;
  one.behave = async (given) => {
    asked += 1;
    if (asked === 1) throw new AppError("rate_limited", "slow down", { retry: { coolDownMs: 1_500 } });
    return takeIt(given);
  };
  await using server = await startServer({ accounts: { one } });
  const { jobs } = server.engine;
  const first = await server.add(server.files.file("a", "a"), ["one"]);
  await server.until(first.id, ({ state }) => state === "waiting");
  const second = await server.add(server.files.file("b", "b"), ["one"]);
  await server.until(second.id, ({ waitingFor }) => waitingFor === "cool-down");
  const waitingUntil = (await jobs.accounts())[0]?.coolDownUntil ?? "";
  expect(Date.parse(waitingUntil)).toBeGreaterThan(Date.now() - 1_500);
  for (const { id } of [first, second]) {
    expect(await jobs.get(id, server.roots)).toMatchObject({
      waitingFor: "cool-down",
      waitingUntil,
      uploads: [{ state: "waiting", waitingFor: "cool-down", waitingUntil, ok: null }],
    });
  }
  const waiting = await jobs.list({ state: "waiting", labels: {}, limit: 9 }, server.roots);
  expect(waiting.jobs.map(({ id }) => id)).toEqual([second.id, first.id]);
  expect((await jobs.depth()).byState).toMatchObject({ running: 0, waiting: 2, queued: 0 });
  expect((await server.ended(first.id)).state).toBe("done");
  expect((await server.ended(second.id)).state).toBe("done");
  const states = () =>
    server.events.flatMap((event) =>
      event.type === "job.state" && event.job.id === first.id ? [event.job.waitingFor ?? event.job.state] : [],
    );
  // What is recorded is told after that.
  while (states().at(-1) !== "done") await Bun.sleep(1);
  expect(states()).toContain("cool-down");
});

test("a file that is still being written waits until it stands still", async () => {
  const one = fakeHost();
  await using server = await startServer({ accounts: { one } });
  const path = server.files.file("growing", "a");
  const request = {
    ...{ path, to: server.engine.jobs.readRequest(input(path)).to, name: null, labels: {}, recursive: false },
    ...{ callback: null, notBefore: null, settleMs: 60, resumable: "auto" as const, after: { do: "keep" as const } },
  };
  const { jobs } = await server.engine.jobs.add(request, server.submitter, null);
  const id = jobs[0]?.id ?? "";
  for (let written = 0; written < 5; written += 1) {
    appendFileSync(path, "more");
    expect(one.attempts).toHaveLength(0);
    await Bun.sleep(30);
  }
  const ended = await server.ended(id);
  expect(ended).toMatchObject({ state: "done", uploads: [{ size: 21 }] });
});

function input(path: string) {
  return {
    ...{ path, to: ["one"], name: null, labels: {}, recursive: false, callback: null, notBefore: null },
    ...{ resumable: "auto" as const, after: "keep" },
  };
}

test("a spooled file is deleted when its job is done", async () => {
  await using server = await startServer({ accounts: { one: fakeHost() } });
  const path = server.files.file("spooled", "content");
  const { to } = server.engine.jobs.readRequest(input(path));
  const { jobs } = await server.engine.jobs.addSpooled(
    { name: "a.iso", path, size: 7 },
    { to, labels: {}, callback: null, notBefore: null, resumable: "auto" },
    server.submitter,
    null,
  );
  expect(await server.ended(jobs[0]?.id ?? "")).toMatchObject({ state: "done", uploads: [{ name: "a.iso", size: 7 }] });
  await server.until(jobs[0]?.id ?? "", () => !existsSync(path));
});

test("a source is deleted after its upload where token and root allow it, and only there", async () => {
  await using server = await startServer({ accounts: { one: fakeHost() } });
  const path = server.files.file("a", "a");
  const { jobs } = server.engine;
  const request = jobs.readRequest({ ...input(path), after: "delete" });
  expect(await jobs.add(request, { ...server.submitter, mayDelete: false }, null).catch(({ code }) => code)).toBe(
    "forbidden",
  );
  const { jobs: added } = await jobs.add(request, server.submitter, null);
  await server.ended(added[0]?.id ?? "");
  await server.until(added[0]?.id ?? "", () => !existsSync(path));
});

test("a second server on the same state directory is refused; a new one takes over what is left", async () => {
  using state = temporaryDirectory();
  using files = temporaryDirectory();
  const one = fakeHost();
  one.behave = async ({ ctx }) => {
    await ctx.phase("sending");
    return hang(ctx.signal);
  };
  const options = { accounts: { one }, stateDirectory: state.path, files };
  let id = "";
  {
    await using server = await startServer(options);
    id = (await server.add(files.file("a", "a"), ["one"])).id;
    await server.until(id, (job) => job.state === "running");
  }
  one.behave = takeIt;
  await using server = await startServer(options);
  expect((await server.ended(id)).state).toBe("done");
});

test("files that come together are queued together or not at all, but for those that cannot be opened", async () => {
  await using server = await startServer({ accounts: { one: fakeHost() }, maxQueue: 2 });
  const { jobs } = server.engine;
  await jobs.pauseAccount("one");
  const request = (path: string) => ({
    ...jobs.readRequest({
      ...{ path, to: ["one"], name: null, labels: {}, recursive: false, callback: null, notBefore: null },
      ...{ resumable: "auto", after: "keep" },
    }),
    group: "g",
  });
  const [a, b, none] = [server.files.file("a", "a"), server.files.file("b", "b"), join(server.files.path, "none")];
  const refused: string[] = [];
  const together = (...paths: string[]) =>
    jobs.addTogether(paths.map(request), server.submitter, ({ path }, { code }) => refused.push(`${path} ${code}`));
  const first = await server.add(a, ["one"]);
  await expect(together(a, b)).rejects.toMatchObject({ code: "queue_full" });
  expect((await jobs.list({ limit: 10, labels: {} }, server.roots)).jobs).toMatchObject([{ id: first.id }]);
  await jobs.cancel(first.id, server.roots);
  const { jobs: added, created } = await together(none, a, b);
  expect(created).toBe(true);
  expect(added).toMatchObject([
    { source: { path: a }, group: "g" },
    { source: { path: b }, group: "g" },
  ]);
  expect(refused).toEqual([`${none} source`]);
  await expect(together(none)).rejects.toMatchObject({ code: "source" });
});
