import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { JobStore, UploadRecord } from "../../src/core/job-store.ts";
import { openStore } from "../../src/store/open.ts";
import { failure, file, idOf, success, upload, view } from "../contracts/job-store.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary.ts";
import { type OtherProcess, otherProcess } from "./other-process.ts";

const NONE: ReadonlySet<string> = new Set();
const COMMITTING: ReadonlySet<string> = new Set(["ulozto"]);

let directory: TemporaryDirectory;
let store: JobStore;
let other: OtherProcess;

beforeEach(async () => {
  directory = temporaryDirectory();
  store = openStore({ directory: directory.path, command: "hoist test" });
  other = await otherProcess(directory.path);
});

afterEach(async () => {
  await other[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

async function othersRun(...uploads: Parameters<JobStore["addUploads"]>[1]): Promise<string> {
  const runId = await other.call("createRun", {});
  await other.call("addUploads", runId, uploads);
  await other.call("openRun", runId);
  return runId;
}

/** An upload of the other process, running and at `phase`. */
async function othersUpload(phase: "sending" | "finishing" | "stored" | "committing", host = "uploadgig") {
  const runId = await othersRun(upload({ host }));
  const claimed = await other.call("claim", runId, []);
  if (claimed === null) throw new Error("nothing to claim");
  await other.call("savePhase", claimed.id, claimed.fence, phase, { slug: "s1" });
  return claimed;
}

const listed = async () => (await Array.fromAsync(store.resumable())).map(({ id }) => id);

describe("after a kill -9", () => {
  test.each([
    ["sending", "uploadgig", "interrupted"],
    ["finishing", "uploadgig", "unknown"],
    ["finishing", "ulozto", "interrupted"],
    ["stored", "uploadgig", "interrupted"],
    ["committing", "ulozto", "interrupted"],
  ] as const)("an upload in %s on %s is %s", async (phase, host, state) => {
    const { id, fence } = await othersUpload(phase, host);
    await other.kill();
    await store.recover(COMMITTING);
    const found = await store.get(id);
    expect(found).toMatchObject({ state, phase, checkpoint: { slug: "s1" }, reported: false });
    expect(found?.fence).toBeGreaterThan(fence);
    if (state === "interrupted") {
      expect(found).toMatchObject({ outcome: null, finishedAt: null });
      expect(await listed()).toEqual([id]);
    } else {
      expect(found?.outcome).toMatchObject({
        ok: false,
        error: { code: "outcome_unknown", exit: 9, retryable: false },
      });
      expect(found?.finishedAt).toBeNumber();
      expect(await listed()).toEqual([]);
    }
  });

  test("uploads that were not begun are interrupted, those that ended stay", async () => {
    const runId = await othersRun(upload({ name: "done" }), upload({ sourceIndex: 1, name: "queued" }));
    const done = await other.call("claim", runId, []);
    await other.call("finish", done?.id ?? "", done?.fence ?? 0, success(), 1);
    await other.kill();
    await store.recover(COMMITTING);
    const states = (await Array.fromAsync(store.uploadsOf(runId))).map(({ state }) => state);
    expect(states).toEqual(["done", "interrupted"]);
    expect(await store.runOptions(runId)).toEqual({});
  });

  test("its lanes and locks are free at once", async () => {
    await other.call("takeLane", "account", 1);
    await other.call("takeLock", "lock");
    expect(await store.takeLane("account", 1)).toEqual({ granted: false, owner: other.owner });
    expect(await store.takeLock("lock")).toEqual({ granted: false, owner: other.owner });
    expect([await store.laneOwners("account"), await store.lockOwner("lock")]).toEqual([[other.owner], other.owner]);
    await other.kill();
    expect([await store.laneOwners("account"), await store.lockOwner("lock")]).toEqual([[], null]);
    expect(await store.takeLane("account", 1)).toEqual({ granted: true });
    expect(await store.takeLock("lock")).toEqual({ granted: true });
  });

  test("a run that was being planned is forgotten, and what it took up goes back", async () => {
    const { id, fence } = await othersUpload("sending");
    await other.call("interrupt", id, fence, view("cancelled"), 1);
    const before = await store.get(id);
    const runId = await other.call("createRun", {});
    const added = await other.call("addUploads", runId, [upload(), upload({ sourceIndex: 1, name: "new" })]);
    expect(added.map(({ kind }) => kind)).toEqual(["adopted", "new"]);
    await other.kill();
    await store.recover(COMMITTING);
    expect(await store.get(id)).toEqual(before);
    expect(await store.get(idOf(added[1]))).toBeNull();
    expect(await store.runOptions(runId)).toBeNull();
    expect(await listed()).toEqual([id]);
  });

  test("the same file named again goes on, also when the death is noticed only then", async () => {
    await store.recover(COMMITTING);
    const { id } = await othersUpload("sending");
    await other.kill();
    expect(await store.addUploads(await store.createRun({}), [upload()])).toEqual([{ kind: "adopted", id }]);
  });

  test("an unknown outcome is told once to who names the file again", async () => {
    const { id } = await othersUpload("finishing");
    await other.kill();
    await store.recover(COMMITTING);
    const changed = upload({ source: { ...file("/file"), size: 11 } });
    const dropped = await store.createRun({});
    const [first] = await store.addUploads(dropped, [upload()]);
    expect(first).toEqual({ kind: "unknown", id });
    expect(await store.get(id)).toMatchObject({ state: "unknown", reported: true });
    await store.dropRun(dropped);
    expect(await store.get(id)).toMatchObject({ state: "unknown", reported: false });
    const runId = await store.createRun({});
    const added = await store.addUploads(runId, [changed, upload(), upload({ sourceIndex: 1 })]);
    expect(added.map(({ kind }) => kind)).toEqual(["new", "unknown", "new"]);
  });

  test("unknown outcomes that nobody heard of are told once, oldest first", async () => {
    const first = await othersUpload("finishing");
    const runId = await othersRun(upload({ name: "second" }));
    const second = await other.call("claim", runId, []);
    await other.call("savePhase", second?.id ?? "", second?.fence ?? 0, "finishing");
    const told = await othersUpload("sending");
    await other.call("finish", told.id, told.fence, failure("outcome_unknown"), 1);
    expect(await store.untold()).toEqual([]);
    await other.kill();
    await store.recover(COMMITTING);
    expect((await store.untold()).map(({ id, reported }) => [id, reported])).toEqual([
      [first.id, true],
      [second?.id ?? "", true],
    ]);
    expect(await store.untold()).toEqual([]);
  });

  test("what was taken over is not settled a second time", async () => {
    const { id } = await othersUpload("sending");
    await other.kill();
    await store.recover(COMMITTING);
    const runId = await store.createRun({});
    await store.requeue(runId, [id]);
    await store.openRun(runId);
    await store.recover(COMMITTING);
    expect(await store.claim(runId, NONE)).toMatchObject({ id, state: "running", phase: "sending" });
    await store.recover(COMMITTING);
    expect(await store.get(id)).toMatchObject({ state: "running" });
  });
});

describe("beside a live process", () => {
  test("its uploads are left alone", async () => {
    const running = await othersUpload("finishing");
    const runId = await othersRun(upload({ name: "queued" }));
    const planned = await other.call("createRun", {});
    await store.recover(COMMITTING);
    expect(await store.get(running.id)).toMatchObject({ state: "running", fence: running.fence });
    expect((await Array.fromAsync(store.uploadsOf(runId)))[0]?.state).toBe("queued");
    expect(await store.runOptions(planned)).toEqual({});
    await other.call("savePhase", running.id, running.fence, "stored");
  });

  test("a frozen one still lives", async () => {
    const { id } = await othersUpload("sending");
    await other.call("takeLane", "account", 1);
    other.freeze();
    await store.recover(COMMITTING);
    expect(await store.get(id)).toMatchObject({ state: "running" });
    expect(await store.takeLane("account", 1)).toEqual({ granted: false, owner: other.owner });
    other.thaw();
  });

  test("a file it has queued or is sending is not taken to the same place", async () => {
    await othersRun(upload());
    const added = await store.addUploads(await store.createRun({}), [
      upload(),
      upload({ source: { ...file("/file"), size: 99, mtimeNs: "1" } }),
      upload({ name: "other" }),
      upload({ folder: null }),
    ]);
    const elsewhere = { kind: "running_elsewhere", owner: other.owner } as const;
    expect(added).toEqual([
      elsewhere,
      elsewhere,
      expect.objectContaining({ kind: "new" }),
      expect.objectContaining({ kind: "new" }),
    ]);
  });

  test("a file it is sending is not taken either, and what it is done with is", async () => {
    const { id, fence } = await othersUpload("sending");
    const runId = await store.createRun({});
    expect(await store.addUploads(runId, [upload()])).toEqual([{ kind: "running_elsewhere", owner: other.owner }]);
    await other.call("finish", id, fence, failure("host_rejected"), 1);
    expect((await store.addUploads(runId, [upload()]))[0]?.kind).toBe("new");
  });

  test("what failed in its run stays there until it ends", async () => {
    const { id, fence } = await othersUpload("sending");
    await other.call("finish", id, fence, failure("network"), 1);
    expect(await listed()).toEqual([]);
    expect(await store.requeue(await store.createRun({}), [id])).toEqual([]);
    expect(await store.drop(id)).toBe(false);
    expect((await store.addUploads(await store.createRun({}), [upload()]))[0]?.kind).toBe("new");
    await other.end();
    expect(await listed()).toEqual([id]);
    expect(await store.requeue(await store.createRun({}), [id])).toEqual([id]);
  });

  test("no upload is claimed twice", async () => {
    const count = 400;
    const runId = await store.createRun({});
    await store.addUploads(
      runId,
      Array.from({ length: count }, (_, n) => upload({ sourceIndex: n, source: file(`/${n}`) })),
    );
    await store.openRun(runId);
    async function takeAll(claim: () => Promise<UploadRecord | null>): Promise<readonly string[]> {
      const taken: string[] = [];
      for (let next = await claim(); next !== null; next = await claim()) taken.push(next.id);
      return taken;
    }
    const shares = await Promise.all([
      takeAll(() => other.call("claim", runId, [])),
      takeAll(() => store.claim(runId, NONE)),
      takeAll(() => store.claim(runId, NONE)),
    ]);
    const taken = shares.flat();
    expect(taken).toHaveLength(count);
    expect(new Set(taken).size).toBe(count);
  });

  test("a lane is never granted more often than there are lanes", async () => {
    const ask = () => [store.takeLane("account", 3), other.call("takeLane", "account", 3)];
    const grants = await Promise.all([...ask(), ...ask(), ...ask(), ...ask()]);
    expect(grants.filter(({ granted }) => granted)).toHaveLength(3);
    await other.kill();
    const ours = grants.filter((grant, index) => index % 2 === 0 && grant.granted).length;
    const again = await Promise.all([1, 2, 3, 4].map(() => store.takeLane("account", 3)));
    expect(again.filter(({ granted }) => granted)).toHaveLength(3 - ours);
  });

  test("fingerprints agree", async () => {
    const [ours, others] = await Promise.all([store.fingerprint("secret"), other.call("fingerprint", "secret")]);
    expect(ours).toBe(others);
  });

  test("what it remembers of an account is seen", async () => {
    await other.call("saveAccount", "account", { refusedSecret: "f00", coolDowns: 2 });
    expect(await store.account("account")).toMatchObject({ refusedSecret: "f00", coolDowns: 2 });
  });
});

describe("an owner taken for dead", () => {
  test("has lost its uploads for good, and may go on with others", async () => {
    const { id, fence } = await othersUpload("sending");
    forget(other.owner.id);
    await store.recover(COMMITTING);
    await expect(other.call("savePhase", id, fence, "finishing")).rejects.toMatchObject({ code: "state" });
    const runId = await store.createRun({});
    await store.requeue(runId, [id]);
    await store.openRun(runId);
    await expect(other.call("finish", id, fence, success(), 1)).rejects.toMatchObject({ code: "state" });
    expect(await store.claim(runId, NONE)).toMatchObject({ id, phase: "sending" });
    await expect(other.call("savePhase", id, fence, "finishing")).rejects.toMatchObject({ code: "state" });
    expect(await store.get(id)).toMatchObject({ state: "running", phase: "sending" });
    expect(await other.call("takeLane", "account", 1)).toEqual({ granted: true });
  });

  test("is told when the run it plans is gone", async () => {
    const runId = await other.call("createRun", {});
    forget(other.owner.id);
    await store.recover(COMMITTING);
    await expect(other.call("addUploads", runId, [upload()])).rejects.toMatchObject({ code: "state" });
  });

  /** As another process would that cannot see this one and hears no heartbeat. */
  function forget(ownerId: string): void {
    using db = new Database(join(directory.path, "hoist.db"), { strict: true });
    db.run("PRAGMA foreign_keys = ON");
    db.run("DELETE FROM owners WHERE id = ?", [ownerId]);
  }
});
