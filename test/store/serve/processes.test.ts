import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { UploadRecord } from "../../../src/core/job-store.ts";
import type { Adopted, JobRecord, ServeStore } from "../../../src/core/serve-store.ts";
import type { Phase } from "../../../src/hosts/phase.ts";
import { openStore } from "../../../src/store/open.ts";
import { failure, success, upload, view } from "../../contracts/job-store.ts";
import { A, B, NO_LIMIT, NONE, newJob, to } from "../../contracts/serve-store/scene.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../support/temporary.ts";
import { type OtherProcess, otherProcess } from "../other-process.ts";

const COMMITTING: ReadonlySet<string> = new Set(["ulozto"]);

const NOTHING: Adopted = { crashed: [], untold: [] };

let directory: TemporaryDirectory;
let store: ServeStore;
/** The server; this process is its successor, or the command line beside it. */
let server: OtherProcess;
let servers: OtherProcess[];

beforeEach(async () => {
  directory = temporaryDirectory();
  store = openStore({ directory: directory.path, command: "hoist test" });
  servers = [];
  server = await started();
});

afterEach(async () => {
  for (const each of servers) await each[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

async function started(): Promise<OtherProcess> {
  const other = await otherProcess(directory.path);
  servers.push(other);
  return other;
}

async function serving(other = server): Promise<string> {
  expect(await other.call("takeLock", "serve")).toEqual({ granted: true });
  const runId = await other.call("createRun", {});
  await other.call("openRun", runId);
  await other.call("adoptJobs", runId, [...COMMITTING]);
  return runId;
}

/** This process serves now: its run, and the jobs it is told have ended. */
async function succeed(): Promise<{
  readonly runId: string;
  readonly ended: readonly JobRecord[];
  readonly crashed: Adopted["crashed"];
}> {
  expect(await store.takeLock("serve")).toEqual({ granted: true });
  await store.recover(COMMITTING);
  const runId = await store.createRun({});
  await store.openRun(runId);
  const { untold, crashed } = await store.adoptJobs(runId, COMMITTING);
  return { runId, ended: untold, crashed };
}

async function claimed(other: OtherProcess, runId: string): Promise<UploadRecord> {
  const found = await other.call("claim", runId, []);
  if (found === null) throw new Error("nothing to claim");
  return found;
}

/** A job of one upload that runs in the server and has come to `phase`. */
async function running(phase: Phase, host = "uploadgig") {
  const runId = await serving();
  const job = newJob({ uploads: [to(A, { host })] });
  await server.call("addJobs", runId, [job], null, NO_LIMIT);
  const { id, fence } = await claimed(server, runId);
  await server.call("savePhase", id, fence, phase, { slug: "s" });
  return { jobId: job.id, id, fence };
}

describe("after a kill -9 of the server", () => {
  test("every job that was acknowledged is there, once, and is claimed in its turn", async () => {
    const runId = await serving();
    const acknowledged: string[] = [];
    const killed = Promise.withResolvers<void>();
    const callers = Array.from({ length: 20 }, async (_, caller) => {
      for (let n = 0; ; n += 1) {
        const job = newJob({ uploads: [to(n % 2 === 0 ? A : B)] });
        const key = { scope: "token", key: `${caller}.${n}`, hash: null };
        await server.call("addJobs", runId, [job], key, NO_LIMIT);
        acknowledged.push(job.id);
        if (acknowledged.length === 150) killed.resolve(server.kill());
      }
    });
    for (const end of await Promise.allSettled(callers)) expect(end.status).toBe("rejected");
    await killed.promise;
    const next = await succeed();
    expect(next.ended).toEqual([]);
    const found = (await store.jobs({ under: null, limit: 1_000 })).jobs.map(({ id }) => id).reverse();
    expect(new Set(found).isSupersetOf(new Set(acknowledged))).toBe(true);
    expect((await store.depth()).byState.queued).toBe(found.length);
    using db = new Database(join(directory.path, "hoist.db"));
    expect(db.query("SELECT count(*) AS n FROM request_keys").get()).toEqual({ n: found.length });
    const order: string[] = [];
    for (let each = await store.claim(next.runId, NONE); each !== null; each = await store.claim(next.runId, NONE)) {
      order.push((await store.jobOfUpload(each.id))?.id ?? "");
    }
    expect(order).toEqual(found);
  });

  test.each([
    ["sending", "uploadgig", 1],
    ["stored", "uploadgig", 0],
    ["finishing", "ulozto", 1],
    ["committing", "ulozto", 0],
  ] as const)("an upload in %s on %s goes on, and %d crashes count", async (phase, host, crashes) => {
    const { jobId, id, fence } = await running(phase, host);
    await server.kill();
    const { runId, ended, crashed } = await succeed();
    expect([ended, crashed]).toEqual([[], []]);
    expect((await store.job(jobId))?.uploads).toMatchObject([{ id, state: "queued", crashes, rounds: 0 }]);
    const again = await store.claim(runId, NONE);
    expect(again).toMatchObject({ id, phase, checkpoint: { slug: "s" } });
    expect(again?.fence).toBeGreaterThan(fence);
  });

  test("an upload whose answer may have been lost is unknown, and its job is told to have ended", async () => {
    const { jobId, id } = await running("finishing");
    await server.kill();
    const { runId, ended, crashed } = await succeed();
    expect(crashed).toMatchObject([{ job: jobId, upload: { id, state: "unknown" } }]);
    expect(ended.map((job) => job.id)).toEqual([jobId]);
    expect(ended[0]?.uploads).toMatchObject([
      { id, state: "unknown", outcome: { error: { code: "outcome_unknown" } } },
    ]);
    expect(await store.claim(runId, NONE)).toBeNull();
    expect(await store.untold()).toEqual([]);
    expect(await store.retryJob(runId, jobId)).toBe(true);
    expect(await store.claim(runId, NONE)).toMatchObject({ id });
  });

  test("the third crash of an upload fails it; a pause in between does not help", async () => {
    const { jobId, id } = await running("sending");
    await server.kill();
    for (const crash of [2, 3]) {
      const next = await started();
      const runId = await serving(next);
      const again = await claimed(next, runId);
      expect((await store.job(jobId))?.uploads[0]?.crashes).toBe(crash - 1);
      await next.call("postpone", again.id, again.fence, Date.now(), "retry", view("network"));
      expect((await claimed(next, runId)).id).toBe(id);
      await next.kill();
    }
    const { runId, ended } = await succeed();
    expect(ended.map((job) => job.id)).toEqual([jobId]);
    expect(ended[0]?.uploads).toMatchObject([
      { state: "failed", crashes: 3, outcome: { error: { code: "internal" } } },
    ]);
    expect(await store.claim(runId, NONE)).toBeNull();
    await store.retryJob(runId, jobId);
    expect((await store.job(jobId))?.uploads).toMatchObject([{ state: "queued", crashes: 0 }]);
  });

  test("what was being cancelled is cancelled", async () => {
    const { jobId } = await running("sending");
    await server.call("cancelJob", jobId, view("cancelled"));
    await server.kill();
    const { runId, ended } = await succeed();
    expect(ended.map((job) => job.id)).toEqual([jobId]);
    expect(ended[0]?.uploads).toMatchObject([{ state: "cancelled", outcome: failure("cancelled") }]);
    expect(await store.claim(runId, NONE)).toBeNull();
  });

  test("an end that was not told is told now, and a message that was not delivered is due", async () => {
    const { jobId, id, fence } = await running("sending");
    await server.call("finish", id, fence, success(), 1);
    const delivery = { channel: "callback", url: "https://ci.example/", body: "{}" };
    const written = server.call("enqueueDelivery", delivery);
    await Promise.all([written, server.call("rememberMessage", "hook", "1")]);
    await server.kill();
    expect((await succeed()).ended.map((job) => job.id)).toEqual([jobId]);
    expect(await store.dueDeliveries(9)).toMatchObject([delivery]);
    expect(await store.rememberMessage("hook", "1")).toBe(false);
  });

  test("the command line leaves its jobs to the next server", async () => {
    const { jobId, id } = await running("finishing");
    const queued = newJob({ source: { ...upload().source, path: "/other" } });
    const [run] = await Array.fromAsync(store.uploadsOf((await store.get(id))?.runId ?? ""));
    await server.call("addJobs", run?.runId ?? "", [queued], null, NO_LIMIT);
    await server.kill();
    const before = await Promise.all([store.job(jobId), store.job(queued.id)]);
    await store.recover(COMMITTING);
    expect(await Array.fromAsync(store.resumable())).toEqual([]);
    expect(await store.untold()).toEqual([]);
    const ids = before.flatMap((job) => job?.uploads ?? []).map((each) => each.id);
    const ours = await store.createRun({});
    expect(await store.requeue(ours, ids)).toEqual([]);
    for (const each of ids) expect(await store.drop(each)).toBe(false);
    const named = await store.addUploads(ours, [upload(), upload({ source: queued.source, sourceIndex: 1 })]);
    expect(named.map(({ kind }) => kind)).toEqual(["new", "new"]);
    expect(await Promise.all([store.job(jobId), store.job(queued.id)])).toEqual(before);
  });
});

describe("beside a live server", () => {
  test("its jobs are left alone", async () => {
    const { jobId, id, fence } = await running("finishing");
    const before = await store.job(jobId);
    await store.recover(COMMITTING);
    expect(await Array.fromAsync(store.resumable())).toEqual([]);
    expect(await store.requeue(await store.createRun({}), [id])).toEqual([]);
    expect(await store.job(jobId)).toEqual(before);
    await server.call("finish", id, fence, failure("network"), 1);
    expect(await Array.fromAsync(store.resumable())).toEqual([]);
    expect(await store.requeue(await store.createRun({}), [id])).toEqual([]);
    expect(await store.drop(id)).toBe(false);
  });

  test("a file that it has queued, that rests or that runs is running elsewhere for the same place", async () => {
    const runId = await serving();
    const rests = newJob({ notBefore: Date.now() + 60_000 });
    await server.call("addJobs", runId, [rests], null, NO_LIMIT);
    const elsewhere = { kind: "running_elsewhere", owner: server.owner } as const;
    const ours = await store.createRun({});
    expect(await store.addUploads(ours, [upload()])).toEqual([elsewhere]);
    await server.call("cancelJob", rests.id, view("cancelled"));
    await server.call("addJobs", runId, [newJob()], null, NO_LIMIT);
    expect(await store.addUploads(ours, [upload()])).toEqual([elsewhere]);
    const { id, fence } = await claimed(server, runId);
    expect(await store.addUploads(ours, [upload()])).toEqual([elsewhere]);
    await server.call("finish", id, fence, success(), 1);
    expect((await store.addUploads(ours, [upload()]))[0]?.kind).toBe("new");
  });

  test("a second one is kept out until it has gone", async () => {
    await serving();
    expect(await store.takeLock("serve")).toEqual({ granted: false, owner: server.owner });
    await server.kill();
    expect(await store.takeLock("serve")).toEqual({ granted: true });
  });

  test("what it runs is not taken from it, even by one that does not ask", async () => {
    const { jobId, id, fence } = await running("finishing");
    const runId = await store.createRun({});
    expect(await store.adoptJobs(runId, COMMITTING)).toEqual(NOTHING);
    expect((await store.job(jobId))?.uploads).toMatchObject([{ id, state: "running", fence, crashes: 0 }]);
    await server.call("savePhase", id, fence, "stored");
    await server.kill();
    await store.adoptJobs(runId, COMMITTING);
    expect((await store.job(jobId))?.uploads).toMatchObject([{ state: "queued", phase: "stored", crashes: 0 }]);
  });
});
