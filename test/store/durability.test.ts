import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { openStore } from "../../src/store/open.ts";
import { success, upload, view } from "../contracts/job-store.ts";
import { NO_LIMIT, newJob } from "../contracts/serve-store/scene.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary.ts";

/** What the disk does: nothing at first, so that what waits for it can be told from what does not. */
let held: ((error: NodeJS.ErrnoException | null) => void)[];
let quick: boolean;
let directory: TemporaryDirectory;
let store: ReturnType<typeof openStore>;

beforeEach(() => {
  held = [];
  quick = true;
  directory = temporaryDirectory();
  store = openStore({
    directory: directory.path,
    command: "hoist test",
    fdatasync: (_, done) => {
      if (quick) done(null);
      else held.push(done);
    },
  });
});

afterEach(async () => {
  release();
  await store[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

function release(error: NodeJS.ErrnoException | null = null): void {
  quick = true;
  for (const done of held.splice(0)) done(error);
}

/** Whether it waits for the disk; when it does, it is let go of. */
async function waits(call: () => Promise<unknown>): Promise<boolean> {
  quick = false;
  let settled = false;
  const called = call().finally(() => {
    settled = true;
  });
  while (!settled && held.length === 0) await Bun.sleep(1);
  await Bun.sleep(2);
  const waited = !settled;
  release();
  await called;
  return waited;
}

async function running() {
  const runId = await store.createRun({});
  await store.addUploads(runId, [upload()]);
  await store.openRun(runId);
  const claimed = await store.claim(runId, new Set());
  if (claimed === null) throw new Error("nothing to claim");
  return { runId, id: claimed.id, fence: claimed.fence };
}

describe("on the disk before it is answered", () => {
  test("a run that is opened", async () => {
    const runId = await store.createRun({});
    await store.addUploads(runId, [upload()]);
    expect(await waits(() => store.openRun(runId))).toBe(true);
  });

  for (const phase of ["sending", "finishing", "stored", "committing", "committed"] as const) {
    test(`the phase ${phase}`, async () => {
      const { id, fence } = await running();
      expect(await waits(() => store.savePhase(id, fence, phase))).toBe(true);
    });
  }

  test("what an upload came to", async () => {
    const { id, fence } = await running();
    expect(await waits(() => store.finish(id, fence, success(), 1))).toBe(true);
    const other = await running();
    expect(await waits(() => store.interrupt(other.id, other.fence, view("network"), 1))).toBe(true);
  });

  test("jobs, and a repeated request for them that finds them before", async () => {
    const runId = await store.createRun({});
    await store.openRun(runId);
    const key = { scope: "token", key: "k", hash: "h" };
    expect(await waits(() => store.addJobs(runId, [newJob()], null, NO_LIMIT))).toBe(true);
    quick = false;
    const first = store.addJobs(runId, [newJob()], key, NO_LIMIT);
    while (held.length === 0) await Bun.sleep(1);
    let answered = false;
    const second = store.earlierJobs(key).then((earlier) => {
      answered = true;
      return earlier;
    });
    await Bun.sleep(20);
    expect(answered).toBe(false);
    release();
    expect(await first).toMatchObject({ kind: "added" });
    expect(await second).toMatchObject({ kind: "known" });
  });

  test("what others are told of, and messages that must not count twice", async () => {
    expect(await waits(() => store.rememberMessage("hook", "1"))).toBe(true);
    const delivery = { channel: "callback", url: "https://ci.example/", body: "{}" } as const;
    expect(await waits(() => store.enqueueDelivery(delivery))).toBe(true);
  });

  test("the destinations of a file on whose word it is deleted", async () => {
    const { id, fence } = await running();
    quick = false;
    const finished = store.finish(id, fence, success(), 1);
    while (held.length === 0) await Bun.sleep(1);
    let told = false;
    const siblings = store.siblings(id).then((found) => {
      told = true;
      return found;
    });
    await Bun.sleep(20);
    expect(told).toBe(false);
    release();
    await finished;
    expect(await siblings).toMatchObject([{ id, state: "done" }]);
  });
});

test("what only shows how far an upload is waits for nothing", async () => {
  const { id, fence } = await running();
  expect(await waits(() => store.startAttempt(id, fence))).toBe(false);
  expect(await waits(() => store.savePhase(id, fence, "placed"))).toBe(false);
  expect(await waits(() => store.takeLane("account", 1))).toBe(false);
});

test("after a failure of the disk nothing is written any more: what follows could not be relied on", async () => {
  const { runId, id, fence } = await running();
  quick = false;
  const lost = store.savePhase(id, fence, "finishing");
  while (held.length === 0) await Bun.sleep(1);
  release(Object.assign(new Error("EIO"), { code: "EIO" }));
  await expect(lost).rejects.toMatchObject({ code: "state" });
  await expect(store.addJobs(runId, [newJob()], null, NO_LIMIT)).rejects.toMatchObject({ code: "state" });
  await expect(store.claim(runId, new Set())).rejects.toMatchObject({ code: "state" });
  await expect(store.siblings(id)).rejects.toMatchObject({ code: "state" });
  expect(await store.get(id)).toMatchObject({ id });
});
