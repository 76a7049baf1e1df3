import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import * as fc from "fast-check";
import type { UploadState } from "../../src/core/job.ts";
import type { JobStore } from "../../src/core/job-store.ts";
import { PHASES, type Phase } from "../../src/hosts/phase.ts";
import { openStore } from "../../src/store/open.ts";
import { failure, file, success, upload } from "../contracts/job-store.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const NONE: ReadonlySet<string> = new Set();

/** What the store should think of an upload. */
interface Expected {
  readonly file: number;
  state: UploadState;
  phase: Phase;
  fence: number;
  /** Failed for a reason that may pass, or interrupted. */
  open: boolean;
  told: boolean;
  /** Which process has its run; null once that is dead. */
  run: Side | null;
  /** Under which it was claimed last. */
  owner: Side | null;
}

type Side = 0 | 1;

const side = fc.constantFrom<Side>(0, 1);
const place = fc.nat({ max: 5 });
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("name" as const), side, file: fc.nat({ max: 2 }) }),
    fc.record({ do: fc.constant("claim" as const), side }),
    fc.record({ do: fc.constant("phase" as const), side, upload: place, phase: fc.constantFrom(...PHASES) }),
    fc.record({
      do: fc.constant("finish" as const),
      side,
      upload: place,
      code: fc.constantFrom(null, "network", "host_rejected", "outcome_unknown", "cancelled" as const),
    }),
    fc.record({ do: fc.constant("interrupt" as const), side, upload: place }),
    fc.record({ do: fc.constant("resume" as const), side }),
    fc.record({ do: fc.constant("die" as const), side }),
  ),
  { minLength: 5, maxLength: 30 },
);

test("two processes that share files, stop, fail and die agree on what became of each upload", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      using directory = temporaryDirectory();
      await using world = createWorld(directory.path);
      for (const step of all) {
        await world.take(step);
        await world.check();
      }
    }),
    { seed: 20_260_901, numRuns: 40 },
  );
}, 20_000);

function createWorld(directory: string) {
  const open = () => openStore({ directory, command: "hoist test" });
  const stores: readonly [JobStore, JobStore] = [open(), open()];
  const uploads = new Map<string, Expected>();
  const runs: { readonly id: string; readonly side: Side }[] = [];
  const find = (index: number) => [...uploads.entries()][index % Math.max(1, uploads.size)];

  /** Runs a write of an owner and tells whether it was taken; it must be exactly when the upload is its own. */
  async function own(at: Side, index: number, write: (id: string, fence: number) => Promise<void>) {
    const found = find(index);
    if (found === undefined) return null;
    const [id, expected] = found;
    const mine = expected.state === "running" && expected.owner === at;
    const taken = await write(id, expected.fence).then(
      () => true,
      (error) => {
        expect(error).toMatchObject({ code: "state" });
        return false;
      },
    );
    expect(taken).toBe(mine);
    return mine ? expected : null;
  }

  async function newRun(at: Side): Promise<string> {
    const id = await stores[at].createRun({});
    runs.unshift({ id, side: at });
    return id;
  }

  async function name(at: Side, number: number): Promise<void> {
    const run = await newRun(at);
    const [added] = await stores[at].addUploads(run, [upload({ source: file(`/${number}`), name: `${number}` })]);
    await stores[at].openRun(run);
    const same = [...uploads.entries()].filter(([, { file }]) => file === number).reverse();
    const elsewhere = same.some(([, it]) => {
      if (it.state === "queued") return it.run !== null && it.run !== at;
      return it.state === "running" && it.owner !== at;
    });
    const free = same.filter(([, it]) => it.run === null || it.run === at);
    const untold = free.find(([, it]) => it.state === "unknown" && !it.told);
    const open = free.find(([, it]) => it.open);
    if (elsewhere) {
      expect(added?.kind).toBe("running_elsewhere");
    } else if (untold !== undefined) {
      expect(added).toEqual({ kind: "unknown", id: untold[0] });
      untold[1].told = true;
    } else if (open !== undefined) {
      expect(added).toEqual({ kind: "adopted", id: open[0] });
      Object.assign(open[1], { state: "queued", open: false, run: at });
    } else {
      if (added?.kind !== "new") throw new Error(`expected a new upload, got ${added?.kind}`);
      uploads.set(added.id, {
        file: number,
        state: "queued",
        phase: "new",
        fence: 0,
        open: false,
        told: true,
        run: at,
        owner: null,
      });
    }
  }

  async function claim(at: Side): Promise<void> {
    for (const run of runs.filter((each) => each.side === at)) {
      const claimed = await stores[at].claim(run.id, NONE);
      if (claimed === null) continue;
      const expected = uploads.get(claimed.id);
      expect(expected).toMatchObject({ state: "queued", run: at });
      expect(claimed.fence).toBeGreaterThan(expected?.fence ?? Number.POSITIVE_INFINITY);
      if (expected) Object.assign(expected, { state: "running", owner: at, fence: claimed.fence });
      return;
    }
    expect([...uploads.values()].some(({ state, run }) => state === "queued" && run === at)).toBe(false);
  }

  async function resume(at: Side): Promise<void> {
    const ids = (await Array.fromAsync(stores[at].resumable())).map(({ id }) => id);
    const open = [...uploads.entries()].filter(([, it]) => it.open && (it.run === null || it.run === at));
    expect(new Set(ids)).toEqual(new Set(open.map(([id]) => id)));
    const run = await newRun(at);
    expect(await stores[at].requeue(run, ids)).toEqual(ids);
    await stores[at].openRun(run);
    for (const [, it] of open) Object.assign(it, { state: "queued", open: false, run: at });
  }

  /** The other process finds this one dead. */
  async function die(at: Side): Promise<void> {
    using db = new Database(join(directory, "hoist.db"));
    db.run("PRAGMA foreign_keys = ON");
    db.run("DELETE FROM owners WHERE id = ?", [stores[at].owner.id]);
    await stores[at === 0 ? 1 : 0].recover(new Set());
    for (const it of uploads.values()) {
      if (it.state === "running" && it.owner === at) {
        const unknown = it.phase === "finishing";
        Object.assign(it, { state: unknown ? "unknown" : "interrupted", open: !unknown, told: !unknown });
        it.fence += 1;
      } else if (it.state === "queued" && it.run === at) {
        Object.assign(it, { state: "interrupted", open: true });
      }
      if (it.run === at) it.run = null;
    }
  }

  return {
    async take(step: typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never): Promise<void> {
      const store = stores[step.side];
      if (step.do === "name") await name(step.side, step.file);
      else if (step.do === "claim") await claim(step.side);
      else if (step.do === "resume") await resume(step.side);
      else if (step.do === "die") await die(step.side);
      else if (step.do === "phase") {
        const it = await own(step.side, step.upload, (id, fence) => store.savePhase(id, fence, step.phase));
        if (it !== null) it.phase = step.phase;
      } else if (step.do === "interrupt") {
        const it = await own(step.side, step.upload, (id, fence) => store.interrupt(id, fence, null, 0));
        if (it !== null) Object.assign(it, { state: "interrupted", open: true });
      } else {
        const outcome = step.code === null ? success() : failure(step.code);
        const it = await own(step.side, step.upload, (id, fence) => store.finish(id, fence, outcome, 0));
        const ends = { network: "failed", host_rejected: "failed", outcome_unknown: "unknown", cancelled: "cancelled" };
        const state = step.code === null ? "done" : ends[step.code];
        if (it !== null) Object.assign(it, { state, open: step.code === "network", told: true });
      }
    },

    async check(): Promise<void> {
      for (const [id, { state, phase, fence }] of uploads) {
        expect(await stores[0].get(id)).toMatchObject({ state, phase, fence });
      }
    },

    [Symbol.asyncDispose]: async () => {
      for (const store of stores) await store[Symbol.asyncDispose]();
    },
  };
}
