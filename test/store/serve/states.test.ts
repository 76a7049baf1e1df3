import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import * as fc from "fast-check";
import type { UploadState } from "../../../src/core/job.ts";
import { JOB_STATES, type JobState, type ServeStore, type WaitReason } from "../../../src/core/serve-store.ts";
import { openStore } from "../../../src/store/open.ts";
import { failure, success, view } from "../../contracts/job-store.ts";
import { A, B, NO_LIMIT, NONE, newJob, to } from "../../contracts/serve-store/scene.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

/** What the store should think of an upload. */
interface Expected {
  readonly account: string;
  state: UploadState;
  dueAt: number | null;
  waitingFor: WaitReason | null;
  rounds: number;
  crashes: number;
  fence: number;
  /** In `finishing`: whether it is up is not known should the process die. */
  late: boolean;
  cancelling: boolean;
}

interface Job {
  readonly id: string;
  readonly uploads: readonly Expected[];
  told: boolean;
}

const place = fc.nat({ max: 7 });
const ms = fc.constantFrom(1, 20, 300);
const why = fc.constantFrom<WaitReason>("retry", "settle", "account");
const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("add" as const),
        accounts: fc.array(fc.constantFrom(A, B), { minLength: 1, maxLength: 3 }),
        inMs: fc.option(ms),
        key: fc.option(fc.nat({ max: 2 })),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant("claim" as const), busy: fc.subarray([A, B], { maxLength: 1 }) }),
    },
    fc.record({
      do: fc.constant("finish" as const),
      upload: place,
      code: fc.constantFrom(null, "network", "outcome_unknown", "cancelled" as const),
    }),
    fc.record({ do: fc.constant("late" as const), upload: place }),
    fc.record({ do: fc.constant("postpone" as const), upload: place, inMs: ms, why }),
    fc.record({ do: fc.constant("rest" as const), upload: place, inMs: fc.option(ms), why: fc.option(why) }),
    fc.record({ do: fc.constant("interrupt" as const), upload: place }),
    fc.record({ do: fc.constant("cancel" as const), job: place }),
    fc.record({ do: fc.constant("finishCancelled" as const), upload: place }),
    fc.record({ do: fc.constant("retry" as const), job: place }),
    fc.record({ do: fc.constant("remove" as const), job: place }),
    fc.record({ do: fc.constant("tell" as const), job: place }),
    fc.record({ do: fc.constant("tick" as const), inMs: ms }),
    fc.record({ do: fc.constant("die" as const) }),
  ),
  { minLength: 10, maxLength: 40 },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

test("a server that adds, runs, rests, cancels, repeats, forgets and dies keeps every job's state right", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      using directory = temporaryDirectory();
      await using world = await createWorld(directory.path);
      for (const step of all) {
        await world.take(step);
        await world.check();
      }
    }),
    { seed: 20_261_122, numRuns: 25 },
  );
}, 20_000);

async function createWorld(directory: string) {
  let clock = 1_800_000_000_000;
  const stores: ServeStore[] = [];
  let store: ServeStore;
  let runId: string;
  /** Oldest first. */
  let jobs: Job[] = [];
  const keys = new Map<number, readonly string[]>();
  const uploads = () => jobs.flatMap(({ uploads }) => uploads);

  async function start(): Promise<readonly string[]> {
    store = openStore({ directory, command: "hoist test", now: () => clock });
    stores.push(store);
    runId = await store.createRun({});
    return (await store.adoptJobs(runId, NONE)).untold.map(({ id }) => id);
  }
  await start();

  /** Another upload than was meant is as good, as long as there is any. */
  function chosen<T>(from: readonly T[], index: number): T | undefined {
    return from[index % Math.max(1, from.length)];
  }

  async function idOf(expected: Expected): Promise<string> {
    for (const job of jobs) {
      const at = job.uploads.indexOf(expected);
      if (at >= 0) return (await store.job(job.id))?.uploads[at]?.id ?? "";
    }
    throw new Error("no such upload");
  }

  /** Runs a write of an owner; it must be taken exactly when the upload runs. */
  async function own(index: number, write: (id: string, fence: number) => Promise<void>): Promise<Expected | null> {
    const expected = chosen(uploads(), index);
    if (expected === undefined) return null;
    const taken = await write(await idOf(expected), expected.fence).then(
      () => true,
      (error) => {
        expect(error).toMatchObject({ code: "state" });
        return false;
      },
    );
    expect(taken).toBe(expected.state === "running");
    return taken ? expected : null;
  }

  async function add({ accounts, inMs, key }: Extract<Step, { do: "add" }>): Promise<void> {
    const notBefore = inMs === null ? null : clock + inMs;
    const job = newJob({ notBefore, uploads: accounts.map((account) => to(account)) });
    const request = key === null ? null : { scope: "token", key: `${key}`, hash: null };
    const added = await store.addJobs(runId, [job], request, NO_LIMIT);
    const known = key === null ? undefined : keys.get(key);
    expect(added).toMatchObject(known === undefined ? { kind: "added" } : { kind: "known", jobIds: known });
    if (known !== undefined) return;
    if (key !== null) keys.set(key, [job.id]);
    const fresh = {
      state: "queued",
      dueAt: notBefore,
      waitingFor: notBefore === null ? null : "notBefore",
      rounds: 0,
      crashes: 0,
      fence: 0,
      late: false,
      cancelling: false,
    } as const;
    jobs.push({ id: job.id, told: false, uploads: accounts.map((account) => ({ ...fresh, account })) });
  }

  async function claim(busy: ReadonlySet<string>): Promise<void> {
    const next = uploads().find((it) => it.state === "queued" && it.dueAt === null && !busy.has(it.account));
    const claimed = await store.claim(runId, busy);
    expect(claimed?.id).toBe(next === undefined ? undefined : await idOf(next));
    if (next === undefined || claimed === null) return;
    expect(claimed.fence).toBeGreaterThan(next.fence);
    Object.assign(next, { state: "running", fence: claimed.fence, waitingFor: null, cancelling: false });
  }

  async function die(): Promise<void> {
    const dead = store.owner.id;
    {
      using db = new Database(join(directory, "hoist.db"));
      db.run("PRAGMA foreign_keys = ON");
      db.run("DELETE FROM owners WHERE id = ?", [dead]);
    }
    for (const it of uploads()) {
      if (it.state === "running") {
        it.crashes += 1;
        it.fence += 1;
        it.state = it.late ? "unknown" : it.cancelling ? "cancelled" : it.crashes >= 3 ? "failed" : "queued";
      }
      if (it.state === "interrupted") it.state = "queued";
      if (it.state === "queued" && it.dueAt === null) it.waitingFor = null;
    }
    const untold = jobs.filter((job) => isOver(job) && !job.told).map(({ id }) => id);
    expect(await start()).toEqual(untold);
  }

  async function onJob(step: Extract<Step, { readonly job: number }>): Promise<void> {
    const job = chosen(jobs, step.job);
    if (job === undefined) return;
    const over = isOver(job);
    if (step.do === "cancel") {
      const running = await store.cancelJob(job.id, view("cancelled"));
      expect(running).toHaveLength(job.uploads.filter(({ state }) => state === "running").length);
      for (const it of job.uploads) {
        if (it.state === "running") it.cancelling = true;
        if (it.state === "queued" || it.state === "interrupted") end(it, "cancelled");
      }
    } else if (step.do === "retry") {
      const again = job.uploads.filter(({ state }) => ["failed", "cancelled", "unknown"].includes(state));
      expect(await store.retryJob(runId, job.id)).toBe(again.length > 0);
      for (const it of again) Object.assign(it, { state: "queued", rounds: 0, crashes: 0 });
      if (again.length > 0) job.told = false;
    } else if (step.do === "remove") {
      expect(await store.removeJob(job.id)).toBe(over);
      if (over) jobs = jobs.filter((each) => each !== job);
    } else {
      await store.jobTold(job.id);
      if (over) job.told = true;
    }
  }

  async function onUpload(step: Extract<Step, { readonly upload: number }>): Promise<void> {
    if (step.do === "rest") {
      const it = chosen(uploads(), step.upload);
      if (it === undefined) return;
      const dueAt = step.inMs === null ? null : clock + step.inMs;
      await store.rest(await idOf(it), dueAt, step.why);
      if (it.state === "queued") Object.assign(it, { dueAt, waitingFor: step.why });
    } else if (step.do === "late") {
      const it = await own(step.upload, (id, fence) => store.savePhase(id, fence, "finishing"));
      if (it !== null) it.late = true;
    } else if (step.do === "postpone") {
      const dueAt = clock + step.inMs;
      const it = await own(step.upload, (id, fence) => store.postpone(id, fence, dueAt, step.why, null));
      if (it === null) return;
      Object.assign(it, { state: "queued", dueAt, waitingFor: step.why });
      if (step.why === "retry") it.rounds += 1;
    } else if (step.do === "interrupt") {
      const it = await own(step.upload, (id, fence) => store.interrupt(id, fence, null, 0));
      if (it !== null) it.state = "interrupted";
    } else if (step.do === "finishCancelled") {
      const it = await own(step.upload, (id, fence) => store.finishCancelled(id, fence, view("cancelled"), 0));
      if (it !== null) end(it, "cancelled");
    } else {
      const outcome = step.code === null ? success() : failure(step.code);
      const it = await own(step.upload, (id, fence) => store.finish(id, fence, outcome, 0));
      const ends = { network: "failed", outcome_unknown: "unknown", cancelled: "cancelled" } as const;
      if (it !== null) end(it, step.code === null ? "done" : ends[step.code]);
    }
  }

  return {
    async take(step: Step): Promise<void> {
      if ("job" in step) await onJob(step);
      else if ("upload" in step) await onUpload(step);
      else if (step.do === "add") await add(step);
      else if (step.do === "claim") await claim(new Set(step.busy));
      else if (step.do === "die") await die();
      else {
        clock += step.inMs;
        for (const it of uploads()) if ((it.dueAt ?? clock + 1) <= clock) Object.assign(it, REST_OVER);
      }
    },

    async check(): Promise<void> {
      const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<JobState, number>;
      for (const job of jobs) {
        counts[stateOf(job)] += 1;
        const found = (await store.job(job.id))?.uploads.map(
          ({ state, dueAt, waitingFor, rounds, crashes, fence, accountKey: account }) => {
            return { account, state, dueAt, waitingFor, rounds, crashes, fence };
          },
        );
        expect(found).toEqual(job.uploads.map(({ late, cancelling, ...it }) => it));
      }
      const { byState, oldestUnended } = await store.depth();
      expect(byState).toEqual(counts);
      expect(oldestUnended === null).toBe(jobs.every(isOver));
      for (const state of JOB_STATES) {
        const { jobs: found } = await store.jobs({ state, under: null, limit: 100 });
        const expected = jobs.filter((job) => stateOf(job) === state).map(({ id }) => id);
        expect(found.map(({ id }) => id)).toEqual(expected.toReversed());
      }
      const queued = uploads().filter(({ state }) => state === "queued");
      const ready = [...(await store.queued(runId)).values()].reduce((sum, n) => sum + n, 0);
      expect(ready).toBe(queued.filter(({ dueAt }) => dueAt === null).length);
      const times = queued.flatMap(({ dueAt }) => dueAt ?? []);
      expect(await store.nextDue(runId)).toBe(times.length === 0 ? null : Math.min(...times));
    },

    [Symbol.asyncDispose]: async () => {
      for (const each of stores) await each[Symbol.asyncDispose]();
    },
  };
}

const REST_OVER = { dueAt: null, waitingFor: null } as const;

function end(it: Expected, state: UploadState): void {
  Object.assign(it, { ...REST_OVER, state });
}

function isOver(job: Job): boolean {
  return !["running", "waiting", "queued"].includes(stateOf(job));
}

function stateOf({ uploads }: Job): JobState {
  const shown = uploads.map((it): JobState => {
    if (it.state !== "queued" && it.state !== "interrupted") return it.state;
    return it.dueAt === null && it.waitingFor === null ? "queued" : "waiting";
  });
  return JOB_STATES.find((state) => shown.includes(state)) ?? "done";
}
