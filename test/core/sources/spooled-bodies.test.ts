import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newBody, removeStaleCopies } from "../../../src/core/sources/spooled-bodies.ts";
import { AppError } from "../../../src/errors.ts";
import { type FakeHost, fakeHost, hang, takeIt } from "../../support/fake-host.ts";
import { type ServerFixture, startServer } from "../../support/server.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

/** A file that came with its request, and the job of it. */
async function sent(server: ServerFixture, to: readonly string[] = ["one"]) {
  const { spoolDirectory, jobs } = server.engine;
  mkdirSync(spoolDirectory, { recursive: true });
  const { path } = newBody(spoolDirectory);
  writeFileSync(path, "content");
  const { to: destinations } = jobs.readRequest({
    ...{ path: "/x", to: [...to], name: null, labels: {}, recursive: false, callback: null, notBefore: null },
    ...{ resumable: "auto", after: "keep" },
  });
  const { jobs: added } = await jobs.addSpooled(
    { name: "a.iso", path, size: 7 },
    { to: destinations, labels: {}, callback: null, notBefore: null, resumable: "auto" },
    server.submitter,
    null,
  );
  return { id: added[0]?.id ?? "", path };
}

/** A file, made where there is nothing, that nobody has touched for some days. */
function aged(path: string, days: number): string {
  if (!existsSync(path)) writeFileSync(path, "half");
  const at = new Date(Date.now() - days * 86_400_000);
  utimesSync(path, at, at);
  return path;
}

function hanging(): FakeHost {
  const one = fakeHost("fake", { perAccount: 1 });
  one.behave = async ({ ctx }) => {
    await ctx.phase("sending");
    return hang(ctx.signal);
  };
  return one;
}

test("what was cancelled, queued or running, keeps its file for a retry, and loses it when it is up", async () => {
  const one = hanging();
  await using server = await startServer({ accounts: { one } });
  const { jobs } = server.engine;
  const running = await sent(server);
  await server.until(running.id, ({ state }) => state === "running");
  const queued = await sent(server);
  for (const { id } of [queued, running]) await jobs.cancel(id, server.roots);
  for (const { id, path } of [queued, running]) {
    expect((await server.ended(id)).state).toBe("cancelled");
    expect(existsSync(path)).toBe(true);
  }
  one.behave = takeIt;
  for (const { id, path } of [queued, running]) {
    await jobs.retry(id, server.roots);
    expect((await server.ended(id)).state).toBe("done");
    await server.until(id, () => !existsSync(path));
  }
});

test("what a listener does wrong takes neither the body nor the answer, nor anything from other listeners", async () => {
  await using server = await startServer({ accounts: { one: fakeHost() } });
  const stop = server.engine.jobs.subscribe(() => {
    throw new Error("a listener's fault");
  });
  const heard: string[] = [];
  server.engine.jobs.subscribe((event) => event.type === "job.state" && heard.push(event.job.state));
  const { id, path } = await sent(server);
  expect((await server.ended(id)).state).toBe("done");
  await server.until(id, () => !existsSync(path) && heard.includes("done"));
  expect(heard[0]).toBe("queued");
  expect(server.logged.join()).toContain("a listener's fault");
  stop();
});

test("a failure for good keeps the file, too; forgetting the job deletes it", async () => {
  const one = fakeHost();
  one.behave = async () => {
    throw new AppError("host_rejected", "too large");
  };
  await using server = await startServer({ accounts: { one } });
  const [retried, forgotten] = [await sent(server), await sent(server)];
  for (const { id, path } of [retried, forgotten]) {
    expect((await server.ended(id)).state).toBe("failed");
    expect(existsSync(path)).toBe(true);
  }
  one.behave = takeIt;
  await server.engine.jobs.retry(retried.id, server.roots);
  expect((await server.ended(retried.id)).state).toBe("done");
  await server.engine.jobs.remove(forgotten.id, server.roots);
  expect(existsSync(forgotten.path)).toBe(false);
});

test("a retry without its file is refused, and says why", async () => {
  const one = hanging();
  await using server = await startServer({ accounts: { one } });
  const { id, path } = await sent(server);
  await server.engine.jobs.cancel(id, server.roots);
  await server.ended(id);
  rmSync(path);
  const refused = await server.engine.jobs.retry(id, server.roots).catch((error) => error);
  expect(refused).toMatchObject({ code: "conflict", message: expect.stringContaining("gone") });
  expect((await server.engine.jobs.get(id, server.roots)).state).toBe("cancelled");
});

test("a start deletes what belongs to no job, and nothing else", async () => {
  using state = temporaryDirectory();
  using files = temporaryDirectory();
  const spool = join(state.path, "spool");
  const one = hanging();
  const options = { accounts: { one }, stateDirectory: state.path, files };
  let kept = "";
  let done = "";
  {
    await using server = await startServer(options);
    const cancelled = await sent(server);
    await server.engine.jobs.cancel(cancelled.id, server.roots);
    await server.ended(cancelled.id);
    kept = cancelled.path;
    one.behave = takeIt;
    const ended = await sent(server);
    await server.ended(ended.id);
    await server.until(ended.id, () => !existsSync(ended.path));
    done = ended.path;
  }
  // Died before its job was stored; while it came; before it was deleted; and a copy that a live hoist up makes.
  const { path, unfinished } = newBody(spool);
  const others = join(spool, crypto.randomUUID());
  for (const each of [path, unfinished, done, others]) writeFileSync(each, "x");
  await using server = await startServer(options);
  expect(
    readdirSync(spool)
      .map((name) => join(spool, name))
      .sort(),
  ).toEqual([kept, others].sort());
  expect(server.engine.spoolDirectory).toBe(spool);
});

test("a copy of standard input that nobody has finished goes after a week, one that is needed or still grows does not", async () => {
  await using server = await startServer({ accounts: { one: hanging() } });
  const { spoolDirectory } = server.engine;
  const { path: needed } = await sent(server);
  const copy = (days: number) => aged(join(spoolDirectory, crypto.randomUUID()), days);
  const [stale, fresh] = [copy(8), copy(6)];
  await removeStaleCopies(server.store, spoolDirectory);
  expect([stale, fresh, needed].map((path) => existsSync(path))).toEqual([false, true, true]);
});

test("what lies in the spool and is not hoist's stays there, and keeps no server from starting", async () => {
  using state = temporaryDirectory();
  const spool = join(state.path, "spool");
  const [directory, asACopy] = [join(spool, "lost+found"), join(spool, crypto.randomUUID())];
  for (const path of [directory, asACopy]) mkdirSync(path, { recursive: true });
  const file = join(spool, "holiday.jpg");
  for (const path of [directory, asACopy, file]) aged(path, 30);
  await using _ = await startServer({ accounts: { one: hanging() }, stateDirectory: state.path });
  expect([directory, asACopy, file].map((path) => existsSync(path))).toEqual([true, true, true]);
});
