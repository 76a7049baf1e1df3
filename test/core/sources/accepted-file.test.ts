import { expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { JobView } from "../../../src/core/serving/job-view.ts";
import { openAccepted } from "../../../src/core/sources/open-accepted.ts";
import { AppError } from "../../../src/errors.ts";
import { keepsInodeNumbers } from "../../../src/io/inode-numbers.ts";
import { identityOf } from "../../../src/io/source.ts";
import { fakeHost, hang, takeIt } from "../../support/fake-host.ts";
import { type ServerFixture, startServer } from "../../support/server.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

/** Another file of the same size and modification time. */
function replace(path: string): void {
  const { atime, mtime } = statSync(path);
  utimesSync(path, atime, mtime);
  writeFileSync(`${path}.new`, "b".repeat(statSync(path).size));
  utimesSync(`${path}.new`, atime, mtime);
  renameSync(`${path}.new`, path);
}

const CHANGES = {
  "another file has taken its name": replace,
  "its size changed from 3 to 7 bytes": (path: string) => appendFileSync(path, "more"),
  "its modification time changed": (path: string) => utimesSync(path, 1, 1),
};

/** A job of a file with a whole modification time, queued while its account is paused. */
async function held(server: ServerFixture, to: readonly string[] = ["one"]): Promise<{ path: string; id: string }> {
  await server.engine.jobs.pauseAccount("one");
  const path = server.files.file("a.bin", "abc");
  utimesSync(path, 1_700_000_000, 1_700_000_000);
  return { path, id: (await server.add(path, to)).id };
}

async function released(server: ServerFixture, id: string): Promise<JobView> {
  await server.engine.jobs.resumeAccount("one");
  return server.ended(id);
}

for (const [words, change] of Object.entries(CHANGES)) {
  test(`a file is not sent when ${words}, and a retry sends it as it is`, async () => {
    const one = fakeHost();
    await using server = await startServer({ accounts: { one } });
    const { path, id } = await held(server);
    change(path);
    const failed = await released(server, id);
    expect(failed).toMatchObject({ state: "failed", source: { size: 3 }, uploads: [{ size: 3, attempts: 0 }] });
    expect(failed.uploads[0]?.error).toMatchObject({
      code: "source",
      message: `${path} is not the file that was accepted: ${words}`,
      hint: "to send the file as it is now, retry its job: hoist jobs retry with the job's id",
    });
    expect(one.attempts).toHaveLength(0);
    await server.until(id, () => server.told.some(({ event, job }) => event.type === "ended" && job === id));
    await server.engine.jobs.retry(id, server.roots);
    expect(await server.ended(id)).toMatchObject({ state: "done", source: { size: statSync(path).size } });
    expect([...one.files.values()]).toEqual([Bun.MD5.hash(readFileSync(path), "hex")]);
  });

  test(`nor by a server that is started anew when ${words}`, async () => {
    using state = temporaryDirectory();
    using files = temporaryDirectory();
    const one = fakeHost();
    const options = { accounts: { one }, stateDirectory: state.path, files };
    let job = { path: "", id: "" };
    {
      await using server = await startServer(options);
      job = await held(server);
    }
    change(job.path);
    await using server = await startServer(options);
    const failed = await released(server, job.id);
    expect(failed.uploads[0]?.error).toMatchObject({ code: "source", message: expect.stringContaining(words) });
    expect(one.attempts).toHaveLength(0);
  });
}

test("inode numbers count only where the file system has some", () => {
  using files = temporaryDirectory();
  const path = files.file("a", "abc");
  const accepted = { path, spool: null, ...identityOf(statSync(path, { bigint: true })) };
  replace(path);
  const open = (type: number, known = accepted) =>
    openAccepted(known, [realpathSync(files.path)], { hash: false }, (at) => keepsInodeNumbers(at, () => type));
  const EXT4 = 0xef53;
  expect(keepsInodeNumbers(path)).toBe(true);
  expect(() => open(EXT4)).toThrow("another file");
  const { mtimeNs } = identityOf(statSync(path, { bigint: true }));
  for (const type of process.platform === "linux" ? [0x4d44, 0x2011bab0] : []) {
    open(type, { ...accepted, mtimeNs })[Symbol.dispose]();
    expect(() => open(type, { ...accepted, size: 4 })).toThrow("its size changed");
  }
});

test("a file that is as it was is sent after a restart", async () => {
  using state = temporaryDirectory();
  using files = temporaryDirectory();
  const options = { accounts: { one: fakeHost() }, stateDirectory: state.path, files };
  let job = { path: "", id: "" };
  {
    await using server = await startServer(options);
    job = await held(server);
  }
  await using server = await startServer(options);
  expect((await released(server, job.id)).state).toBe("done");
});

test("what an upload waited for by itself changes nothing: the file is compared again", async () => {
  const one = fakeHost();
  one.behave = async () => {
    throw new AppError("host_auth", "wrong password");
  };
  await using server = await startServer({ accounts: { one } });
  const path = server.files.file("a.bin", "abc");
  const { id } = await server.add(path, ["one"]);
  await server.until(id, ({ waitingFor }) => waitingFor === "account");
  replace(path);
  one.behave = takeIt;
  expect((await released(server, id)).uploads[0]?.error).toMatchObject({ code: "source" });
  expect(one.files.size).toBe(0);
});

test("the second destination gets what the first has got, or nothing; the changed file is not deleted", async () => {
  const [one, two] = [fakeHost(), fakeHost("other")];
  await using server = await startServer({ accounts: { one, two } });
  await server.engine.jobs.pauseAccount("one");
  const path = server.files.file("a.bin", "abc");
  const { id } = await server.add(path, ["one", "two"], { after: "delete" });
  await server.until(id, ({ uploads }) => uploads[1]?.state === "done");
  appendFileSync(path, "more");
  expect(await released(server, id)).toMatchObject({
    state: "failed",
    uploads: [
      { state: "failed", error: { code: "source" } },
      { state: "done", size: 3 },
    ],
  });
  await server.engine.jobs.retry(id, server.roots);
  expect(await server.ended(id)).toMatchObject({ state: "done", uploads: [{ size: 7 }, { size: 3 }] });
  await server.until(id, () => server.told.some(({ event }) => event.type === "warning"));
  expect(existsSync(path)).toBe(true);
});

/** A job whose file must stand still first. */
async function settling(server: ServerFixture, path: string, to: readonly string[], settleMs: number): Promise<string> {
  const { jobs } = server.engine;
  const known = { path, name: null, labels: {}, recursive: false, callback: null, notBefore: null };
  const typed = jobs.readRequest({ ...known, to: [...to], resumable: "auto", after: "keep" });
  const request = { ...known, to: typed.to, settleMs, resumable: "auto" as const, after: { do: "keep" as const } };
  const added = await jobs.add(request, server.submitter, null);
  return added.jobs[0]?.id ?? "";
}

test("a file that has stood still once must stay as it is, for every destination", async () => {
  const [one, two] = [fakeHost(), fakeHost("other")];
  await using server = await startServer({ accounts: { one, two } });
  const { jobs } = server.engine;
  await jobs.pauseAccount("one");
  const path = server.files.file("growing", "a");
  const id = await settling(server, path, ["one", "two"], 40);
  appendFileSync(path, "more");
  await server.until(id, ({ uploads }) => uploads[1]?.state === "done");
  expect((await jobs.get(id, server.roots)).uploads).toMatchObject([{ size: 5 }, { size: 5 }]);
  appendFileSync(path, "late");
  expect(await released(server, id)).toMatchObject({ uploads: [{ error: { code: "source" } }, { state: "done" }] });
  await jobs.retry(id, server.roots);
  expect(await server.ended(id)).toMatchObject({ state: "done", uploads: [{ size: 9 }, { size: 5 }] });
});

test("a retry of a job that was cancelled while its file was written waits for it again", async () => {
  const one = fakeHost();
  await using server = await startServer({ accounts: { one } });
  const { jobs } = server.engine;
  const path = server.files.file("growing", "a");
  const id = await settling(server, path, ["one"], 300);
  await jobs.cancel(id, server.roots);
  appendFileSync(path, "b");
  await jobs.retry(id, server.roots);
  expect(await jobs.get(id, server.roots)).toMatchObject({ state: "waiting", waitingFor: "settle" });
  appendFileSync(path, "c");
  expect(await server.ended(id)).toMatchObject({ state: "done", uploads: [{ size: 3 }] });
});

test("bytes that the host holds are enough, whatever has become of the file since", async () => {
  using state = temporaryDirectory();
  using files = temporaryDirectory();
  const one = fakeHost("fake", { commits: true });
  const stored = Promise.withResolvers<void>();
  one.behave = async ({ ctx }) => {
    await ctx.phase("sending");
    await ctx.phase("finishing");
    await ctx.phase("stored", { slug: "s" });
    stored.resolve();
    return hang(ctx.signal);
  };
  const options = { accounts: { one }, stateDirectory: state.path, files };
  const path = files.file("a.bin", "abc");
  let id = "";
  {
    await using server = await startServer(options);
    id = (await server.add(path, ["one"])).id;
    await stored.promise;
  }
  appendFileSync(path, "more");
  const resumed: unknown[] = [];
  one.behave = async ({ ctx, source }) => {
    resumed.push(ctx.resume, source.size);
    return { url: "https://fake.example/s", remoteId: "s", size: 3, md5: null, verified: "size" };
  };
  await using server = await startServer(options);
  expect(await server.ended(id)).toMatchObject({ state: "done", uploads: [{ size: 3 }] });
  expect(resumed).toEqual([{ phase: "stored", checkpoint: { slug: "s" } }, 3]);
});

test("a retry whose file is not there fails with that", async () => {
  await using server = await startServer({ accounts: { one: fakeHost() } });
  const { path, id } = await held(server);
  rmSync(path);
  await released(server, id);
  await server.engine.jobs.retry(id, server.roots);
  expect((await server.ended(id)).uploads[0]?.error).toMatchObject({
    code: "source",
    message: expect.stringContaining("not there"),
  });
});
