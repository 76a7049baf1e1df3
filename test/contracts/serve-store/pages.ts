import { describe, expect, test } from "bun:test";
import { JOB_STATES, type Waits } from "../../../src/core/serve-store.ts";
import { jobView, type LiveFacts } from "../../../src/core/serving/job-view.ts";
import { shownDepth } from "../../../src/core/serving/queue-depth.ts";
import { failure, file, success, view } from "../job-store.ts";
import { A, B, newJob, type ServeScene, to } from "./scene.ts";

/** Lists of jobs, and how many there are. */
export function describePages(scene: ServeScene): void {
  async function waitsFor(accounts: readonly string[], uploads: readonly string[] = []): Promise<Waits> {
    const queued = [...(await scene.store.queued(scene.runId, 1)).keys()];
    const held = queued.filter((key) => accounts.includes(key)).length;
    return { accounts, uploads, ofQueued: held === 0 ? "none" : held < queued.length ? "some" : "all" };
  }

  describe("a page of jobs", () => {
    test("is newest first, and goes on where it ended while others come and go", async () => {
      const ids: string[] = [];
      for (let n = 0; n < 7; n += 1) ids.unshift(await scene.added());
      const first = await scene.store.jobs({ under: null, limit: 3 });
      expect(first.jobs.map(({ id }) => id)).toEqual(ids.slice(0, 3));
      expect(first.jobs[0]).toEqual(await scene.job(ids[0] ?? ""));
      await scene.added();
      await scene.store.cancelJob(ids[2] ?? "", view("cancelled"));
      await scene.store.removeJob(ids[2] ?? "");
      await scene.store.cancelJob(ids[4] ?? "", view("cancelled"));
      await scene.store.removeJob(ids[4] ?? "");
      const second = await scene.store.jobs({ under: null, limit: 3, after: first.next ?? "" });
      expect(second.jobs.map(({ id }) => id)).toEqual([3, 5, 6].map((index) => ids[index] ?? ""));
      expect(second.next).toBeNull();
      const whole = await scene.store.jobs({ under: null, limit: 6 });
      expect(whole.next).toBeNull();
    });

    test("takes no cursor but its own", async () => {
      await scene.add(newJob(), newJob());
      const { next } = await scene.store.jobs({ under: null, limit: 1 });
      const forged = [
        "",
        "1",
        "0",
        " ",
        "nonsense",
        `${next} `,
        `${next}=`,
        next?.toLowerCase() ?? "",
        "a".repeat(9_999),
      ];
      for (const text of ["j0", "j-1", "j1.5", "j01", "j1e3", "j99999999999999999", "1; DROP TABLE jobs", "j1\n"]) {
        forged.push(Buffer.from(text).toString("base64url"));
      }
      for (const after of forged) {
        await expect(scene.store.jobs({ under: null, limit: 1, after })).rejects.toMatchObject({ code: "usage" });
      }
    });

    test("is narrowed by account, labels and state", async () => {
      const done = await scene.ended(success(), { labels: { build: "1", "odd.one": "%" } });
      const both = await scene.added({ uploads: [to(A), to(B, { account: "ulozto" })], labels: { build: "1" } });
      const other = await scene.added({ labels: { build: "2" } });
      expect(await scene.listed({ account: "uploadgig" })).toEqual([other, both, done]);
      expect(await scene.listed({ account: "ulozto" })).toEqual([both]);
      expect(await scene.listed({ account: "UPLOADGIG" })).toEqual([]);
      expect(await scene.listed({ labels: { build: "1" } })).toEqual([both, done]);
      expect(await scene.listed({ labels: { build: "1", "odd.one": "%" } })).toEqual([done]);
      expect(await scene.listed({ labels: { build: "%" } })).toEqual([]);
      expect(await scene.listed({ labels: {} })).toEqual([other, both, done]);
      expect(await scene.listed({ state: "done" })).toEqual([done]);
      expect(await scene.listed({ state: "queued", account: "uploadgig", labels: { build: "1" } })).toEqual([both]);
      expect(await scene.listed({ state: "running" })).toEqual([]);
    });

    test("by state is what each job shows, whatever makes its uploads wait", async () => {
      const both = { uploads: [to(A), to(B, { account: "ulozto" })] };
      await scene.ended();
      await scene.ended(failure("host_rejected"));
      await scene.ended(success(), both);
      const oneRuns = await scene.added(both);
      await scene.claimed(new Set([B]));
      const parked = await scene.added();
      const { id: parkedUpload } = await scene.claimed(new Set([B]));
      await scene.added({ notBefore: scene.clock + 60_000 });
      for (const change of [{}, both, { uploads: [to(B, { account: "ulozto" })] }]) await scene.added(change);
      const all = (await scene.store.jobs({ under: null, limit: 100 })).jobs;
      expect([oneRuns, parked].map((id) => all.some((each) => each.id === id))).toEqual([true, true]);
      for (const accounts of [[], [A], [B], [A, B], ["nobody's"]]) {
        for (const uploads of [[], [parkedUpload]]) {
          const live: LiveFacts = {
            bytes: () => null,
            accountWait: (key) => (accounts.includes(key) ? "account" : null),
            captcha: (id) => (uploads.includes(id) ? "https://captcha.example" : null),
            accountLost: () => null,
            accountCaptcha: () => null,
            coolDownUntil: () => null,
            rests: () => false,
          };
          const waits = await waitsFor(accounts, uploads);
          const depth = await shownDepth(scene.store, waits);
          for (const state of JOB_STATES) {
            const shown = all.filter((each) => jobView(each, live).state === state).map(({ id }) => id);
            const found = await scene.listed({ state, waits });
            expect([accounts, uploads, state, found]).toEqual([accounts, uploads, state, shown]);
            expect([accounts, uploads, state, depth.byState[state]]).toEqual([accounts, uploads, state, shown.length]);
          }
        }
      }
    });

    test("by the thousand is counted in the state it shows", async () => {
      const both = { uploads: [to(A), to(B, { account: "ulozto" })] };
      await scene.add(
        ...Array.from({ length: 1_100 }, () => newJob()),
        ...Array.from({ length: 1_100 }, () => newJob(both)),
      );
      const count = async (accounts: readonly string[]) =>
        (await shownDepth(scene.store, await waitsFor(accounts))).byState;
      expect(await count([B])).toMatchObject({ running: 0, waiting: 1_100, queued: 1_100 });
      expect(await count([A])).toMatchObject({ running: 0, waiting: 2_200, queued: 0 });
      expect(await count([A, B])).toMatchObject({ running: 0, waiting: 2_200, queued: 0 });
      expect(await count([])).toMatchObject({ running: 0, waiting: 0, queued: 2_200 });
    });

    test("shows only what is below a root, by whole names", async () => {
      const at = async (path: string) => scene.added({ source: file(path) });
      const [root, below, deep] = [await at("/srv/a_b"), await at("/srv/a_b/x"), await at("/srv/a_b/c/%/ů")];
      const beside = [
        await at("/srv/a_b-evil/x"),
        await at("/srv/axb/x"),
        await at("/srv/A_B/x"),
        await at("/srv/a_b.x"),
      ];
      const spooled = await scene.added({
        source: { path: "-", size: 3, mtimeNs: null, inode: null, spool: "/state/spool/1" },
      });
      const all = [root, below, deep, ...beside, spooled].toReversed();
      expect(await scene.listed({ under: ["/srv/a_b"] })).toEqual([deep, below, root]);
      expect(await scene.listed({ under: ["/srv/a_b/"] })).toEqual([deep, below, root]);
      expect(await scene.listed({ under: ["/srv/a_b/c/%", "/srv/A_B", "-"] })).toEqual([
        spooled,
        beside[2] ?? "",
        deep,
      ]);
      expect(await scene.listed({ under: ["/srv/a_b/x", "/srv/a_b/x"] })).toEqual([below]);
      expect(await scene.listed({ under: ["/"] })).toEqual(all.slice(1));
      expect(await scene.listed({ under: ["/sr", "/srv/%", "/srv/a?b", "srv"] })).toEqual([]);
      expect(await scene.listed({ under: [] })).toEqual([]);
      expect(await scene.listed({ under: null })).toEqual(all);
    });

    test("is complete however rare what it looks for", async () => {
      const rare = { labels: { rare: "yes" } };
      const jobs = Array.from({ length: 2_500 }, (_, n) => newJob(n % 500 === 0 || n === 1_499 ? rare : {}));
      await scene.add(...jobs);
      const wanted = jobs.filter(({ labels }) => labels.rare !== undefined).map(({ id }) => id);
      expect(await scene.listed(rare)).toEqual(wanted.toReversed());
      const found: string[] = [];
      let after: string | null | undefined;
      do {
        const page = await scene.store.jobs({ under: ["/"], limit: 1, ...rare, ...(after == null ? {} : { after }) });
        found.push(...page.jobs.map(({ id }) => id));
        after = page.next;
      } while (after !== null);
      expect(found).toEqual(wanted.toReversed());
      expect(await scene.listed({ ...rare, state: "queued" })).toEqual(wanted.toReversed());
      expect(await scene.listed({ ...rare, state: "done" })).toEqual([]);
    });
  });

  test("the depth tells how many jobs are in each state, and since when", async () => {
    const nothing = { running: 0, waiting: 0, queued: 0, unknown: 0, failed: 0, cancelled: 0, done: 0 };
    expect(await scene.store.depth()).toEqual({ byState: nothing, oldestUnended: null });
    const start = scene.clock;
    await scene.ended(success());
    await scene.ended(failure("network"));
    await scene.ended(failure("outcome_unknown"));
    scene.clock += 10;
    await scene.add(newJob({ uploads: [to(A), to(B)] }));
    scene.clock += 10;
    await scene.add(newJob({ notBefore: scene.clock + 5 }), newJob());
    await scene.store.cancelJob(await scene.added(), view("cancelled"));
    const { id, fence } = await scene.claimed();
    const byState = { running: 1, waiting: 1, queued: 1, unknown: 1, failed: 1, cancelled: 1, done: 1 };
    expect(await scene.store.depth()).toEqual({ byState, oldestUnended: start + 10 });
    await scene.store.finish(id, fence, success(), 1);
    expect((await scene.store.depth()).byState).toEqual({ ...byState, running: 0, queued: 2 });
  });
}
