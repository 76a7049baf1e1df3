import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { UploadRecord } from "../../src/core/job-store.ts";
import { jobView, type LiveFacts } from "../../src/core/job-view.ts";
import { shownDepth } from "../../src/core/queue-depth.ts";
import type { JobRecord, JobsQuery, JobUpload, NewJob, ServeStore } from "../../src/core/serve-store.ts";
import { JOB_STATES } from "../../src/core/serve-store.ts";
import type { Phase } from "../../src/hosts/phase.ts";
import type { Json } from "../../src/json.ts";
import { failure, file, success, upload, view } from "./job-store.ts";

export interface ServeStoreFixture extends AsyncDisposable {
  readonly store: ServeStore;
}

export const A = "uploadgig https://uploadgig.example me";
export const B = "ulozto https://uloz.example me";
export const NONE: ReadonlySet<string> = new Set();
export const NO_LIMIT = Number.MAX_SAFE_INTEGER;
const NOBODY = "0198c5d2-0000-7000-8000-000000000000";
const DAY_MS = 24 * 60 * 60_000;

/** What every store of a server must do within one process. `now` is the store's clock. */
export function describeServeStore(name: string, open: (now: () => number) => ServeStoreFixture): void {
  describe(name, () => {
    let fixture: ServeStoreFixture;
    let store: ServeStore;
    let runId: string;
    let clock: number;
    beforeEach(async () => {
      clock = 1_800_000_000_000;
      fixture = open(() => clock);
      store = fixture.store;
      runId = await store.createRun({});
      await store.openRun(runId);
    });
    afterEach(() => fixture[Symbol.asyncDispose]());

    async function add(...jobs: readonly NewJob[]): Promise<void> {
      const answer = await store.addJobs(runId, jobs, null, NO_LIMIT);
      expect(answer).toEqual({ kind: "added", jobs: await Promise.all(jobs.map(({ id }) => job(id))) });
    }

    async function added(change: Partial<NewJob> = {}): Promise<string> {
      const job = newJob(change);
      await add(job);
      return job.id;
    }

    async function job(id: string): Promise<JobRecord> {
      const found = await store.job(id);
      if (found === null) throw new Error(`no job ${id}`);
      return found;
    }

    async function onlyUpload(id: string): Promise<JobUpload> {
      const [only, ...others] = (await job(id)).uploads;
      if (only === undefined || others.length > 0) throw new Error("not one upload");
      return only;
    }

    async function claimed(busy = NONE): Promise<UploadRecord> {
      const upload = await store.claim(runId, busy);
      if (upload === null) throw new Error("nothing to claim");
      return upload;
    }

    async function listed(query: Partial<JobsQuery> = {}): Promise<readonly string[]> {
      return (await store.jobs({ under: null, limit: 100, ...query })).jobs.map(({ id }) => id);
    }

    /** A job that has ended with this outcome. */
    async function ended(outcome = success(), change: Partial<NewJob> = {}): Promise<string> {
      const id = await added(change);
      const { id: uploadId, fence } = await claimed();
      await store.finish(uploadId, fence, outcome, 1);
      return id;
    }

    describe("a job", () => {
      test("is kept as it was given", async () => {
        const given = newJob({
          source: file("/srv/a b/ů.bin"),
          labels: { "build.no": "42" },
          group: "g",
          hook: "sonarr",
          callback: "https://ci.example/done?id=1",
          after: { do: "move", directory: "/srv/done" },
          resumable: "never",
          uploads: [to(A, { folder: "/Ž", name: "one" }), to(B, { folder: null, name: "two" })],
        });
        await add(given);
        const { uploads, ...rest } = given;
        const found = await job(given.id);
        expect(found).toMatchObject({ ...rest, createdAt: clock });
        expect(found.uploads).toHaveLength(2);
        for (const [index, each] of found.uploads.entries()) {
          expect(each).toMatchObject({
            ...uploads[index],
            runId,
            destinationIndex: index,
            source: given.source,
            labels: given.labels,
            state: "queued",
            phase: "new",
            attempts: 0,
            outcome: null,
            dueAt: null,
            waitingFor: null,
            rounds: 0,
            crashes: 0,
          });
          expect(await store.jobOfUpload(each.id)).toEqual(found);
          expect((await store.siblings(each.id)).map(({ id }) => id)).toEqual(found.uploads.map(({ id }) => id));
        }
      });

      test("that nobody has heard of is none", async () => {
        expect(await store.job(NOBODY)).toBeNull();
        expect(await store.jobOfUpload(NOBODY)).toBeNull();
        expect(await store.cancelJob(NOBODY, view("cancelled"))).toEqual([]);
        expect(await store.retryJob(runId, NOBODY)).toBe(false);
        expect(await store.removeJob(NOBODY)).toBe(false);
      });

      test("is claimed in the order of acceptance, destination by destination", async () => {
        await add(newJob({ uploads: [to(A, { name: "1" }), to(B, { name: "2" })] }), newJob({ uploads: [to(A)] }));
        await add(newJob({ uploads: [to(B, { name: "4" })] }));
        expect(await store.queued(runId)).toEqual(
          new Map([
            [B, 2],
            [A, 2],
          ]),
        );
        expect(await store.queued(runId, 1)).toEqual(
          new Map([
            [B, 1],
            [A, 1],
          ]),
        );
        const names: string[] = [];
        for (let next = await claimed(); ; next = await claimed()) {
          names.push(next.name);
          if (names.length === 4) break;
        }
        expect(names).toEqual(["1", "2", "file.bin", "4"]);
        expect(await store.claim(runId, NONE)).toBeNull();
      });

      test("is there whole or not at all", async () => {
        const twice = newJob();
        const key = { scope: "token", key: "k", hash: "h" };
        const broken = store.addJobs(runId, [newJob(), twice, twice], key, NO_LIMIT);
        const fine = store.addJobs(runId, [newJob()], null, NO_LIMIT);
        await expect(broken).rejects.toThrow();
        await fine;
        expect(await listed()).toHaveLength(1);
        expect((await store.depth()).byState.queued).toBe(1);
        expect(await store.addJobs(runId, [twice], key, NO_LIMIT)).toMatchObject({ kind: "added" });
      });

      test("waits for its time, and a file to stand still", async () => {
        const at = clock + 10_000;
        const both = await added({ notBefore: at, settleMs: 2_000.5 });
        const settling = await added({ settleMs: 19_999.5, notBefore: at });
        const past = await added({ notBefore: clock - 1 });
        expect(await onlyUpload(both)).toMatchObject({ dueAt: at, waitingFor: "notBefore" });
        expect(await onlyUpload(settling)).toMatchObject({ dueAt: clock + 20_000, waitingFor: "settle" });
        expect(await onlyUpload(past)).toMatchObject({ dueAt: null, waitingFor: null });
        expect(await store.queued(runId)).toEqual(new Map([[A, 1]]));
        expect((await claimed()).sourceIndex).toBe((await onlyUpload(past)).sourceIndex);
        expect(await store.claim(runId, NONE)).toBeNull();
        expect(await store.nextDue(runId)).toBe(at);
        expect(await listed({ state: "waiting" })).toEqual([settling, both]);

        clock = at;
        expect(await onlyUpload(both)).toMatchObject({ dueAt: null, waitingFor: null });
        expect(await store.queued(runId)).toEqual(new Map([[A, 1]]));
        expect(await listed({ state: "waiting" })).toEqual([settling]);
        expect(await listed({ state: "queued" })).toEqual([both]);
        expect(await store.nextDue(runId)).toBe(at + 10_000);
        expect(await store.jobOfUpload((await claimed()).id)).toMatchObject({ id: both });
        clock += 10_000;
        expect(await store.jobOfUpload((await claimed()).id)).toMatchObject({ id: settling });
        expect(await store.nextDue(runId)).toBeNull();
      });

      test("by the thousand may become due at once", async () => {
        await add(...Array.from({ length: 1_234 }, () => newJob({ notBefore: clock + 1 })));
        expect((await store.depth()).byState).toMatchObject({ waiting: 1_234, queued: 0 });
        clock += 1;
        expect((await store.depth()).byState).toMatchObject({ waiting: 0, queued: 1_234 });
        expect(await store.queued(runId)).toEqual(new Map([[A, 1_234]]));
      });
    });

    describe("a request key", () => {
      const key = { scope: "token", key: "k", hash: "h" };
      const submit = (given: typeof key | { scope: string; key: string; hash: null }, ...jobs: readonly NewJob[]) =>
        store.addJobs(runId, jobs, given, NO_LIMIT);

      test("finds the jobs of the first request", async () => {
        const jobs = [newJob(), newJob()];
        expect(await submit(key, ...jobs)).toMatchObject({ kind: "added" });
        const known = { kind: "known", jobIds: jobs.map(({ id }) => id) } as const;
        expect(await submit(key, newJob())).toEqual(known);
        expect(await submit({ ...key, hash: null }, newJob())).toEqual(known);
        expect(await submit({ ...key, hash: "other" }, newJob())).toEqual({ kind: "conflict" });
        expect(await submit({ ...key, scope: "another token" }, newJob())).toMatchObject({ kind: "added" });
        expect(await listed()).toHaveLength(3);
      });

      test("without a hash is the same for any request", async () => {
        const first = newJob();
        await submit({ ...key, hash: null }, first);
        expect(await submit(key, newJob())).toEqual({ kind: "known", jobIds: [first.id] });
      });

      test("is kept for 30 days, whatever becomes of the jobs", async () => {
        const first = newJob();
        await submit(key, first);
        await store.cancelJob(first.id, view("cancelled"));
        await store.removeJob(first.id);
        clock += 30 * DAY_MS - 1;
        await store.forget(clock);
        expect(await submit(key, newJob())).toEqual({ kind: "known", jobIds: [first.id] });
        clock += 1;
        const second = newJob();
        expect(await submit(key, second)).toMatchObject({ kind: "added" });
        expect(await submit(key, newJob())).toEqual({ kind: "known", jobIds: [second.id] });
        clock += 30 * DAY_MS;
        await store.forget(0);
        expect(await submit(key, newJob())).toMatchObject({ kind: "added" });
      });

      test("of fifty callers at once makes one set of jobs", async () => {
        const answers = await Promise.all(Array.from({ length: 50 }, () => submit(key, newJob(), newJob())));
        const first = await listed();
        expect(first).toHaveLength(2);
        expect(answers.filter(({ kind }) => kind === "added")).toHaveLength(1);
        const known = { kind: "known", jobIds: first.toReversed() } as const;
        expect(answers.filter(({ kind }) => kind === "known")).toEqual(Array.from({ length: 49 }, () => known));
      });

      test("is known, too, when the queue is full", async () => {
        const first = newJob();
        await submit(key, first);
        expect(await store.addJobs(runId, [newJob()], key, 1)).toEqual({ kind: "known", jobIds: [first.id] });
        expect(await store.addJobs(runId, [newJob()], { ...key, key: "k2" }, 1)).toEqual({ kind: "full" });
        expect(await submit({ ...key, key: "k2" }, newJob())).toMatchObject({ kind: "added" });
      });
    });

    describe("a request of several files", () => {
      const file = (name: string, hash: string, request = "r") => ({
        scope: "hook:x",
        key: name,
        hash: null,
        request: { key: request, hash },
      });
      const submit = (key: ReturnType<typeof file>, ...jobs: readonly NewJob[]) =>
        store.addJobs(runId, jobs, key, NO_LIMIT);

      test("keeps its name from another one, whatever that one's files", async () => {
        const [a, b] = [newJob(), newJob()];
        expect(await submit(file("a", "h1"), a)).toMatchObject({ kind: "added" });
        expect(await submit(file("b", "h1"), b)).toMatchObject({ kind: "added" });
        expect(await submit(file("a", "h1"), newJob())).toEqual({ kind: "known", jobIds: [a.id] });
        expect(await store.earlierJobs(file("b", "h1"))).toEqual({ kind: "known", jobIds: [b.id] });
        for (const name of ["a", "b", "c"]) {
          expect(await store.earlierJobs(file(name, "h2"))).toEqual({ kind: "conflict" });
          expect(await submit(file(name, "h2"), newJob())).toEqual({ kind: "conflict" });
        }
        expect(await submit(file("c", "h2", "another"), newJob())).toMatchObject({ kind: "added" });
        expect(await submit({ ...file("d", "h2"), scope: "hook:y" }, newJob())).toMatchObject({ kind: "added" });
        const { request: _, ...unnamed } = file("b", "h2");
        expect(await store.addJobs(runId, [newJob()], unnamed, NO_LIMIT)).toEqual({ kind: "known", jobIds: [b.id] });
      });

      test("has no name before it has made a job, nor after 30 days", async () => {
        expect(await store.addJobs(runId, [newJob()], file("a", "h1"), 0)).toEqual({ kind: "full" });
        expect(await store.earlierJobs(file("a", "h2"))).toBeNull();
        expect(await submit(file("b", "h2"), newJob())).toMatchObject({ kind: "added" });
        clock += 30 * DAY_MS - 1;
        expect(await submit(file("c", "h1"), newJob())).toEqual({ kind: "conflict" });
        clock += 1;
        expect(await submit(file("c", "h1"), newJob())).toMatchObject({ kind: "added" });
        expect(await submit(file("d", "h2"), newJob())).toEqual({ kind: "conflict" });
      });

      test("is known after an older version that did not name it", async () => {
        const first = newJob();
        await store.addJobs(runId, [first], { scope: "hook:x", key: "a", hash: null }, NO_LIMIT);
        expect(await submit(file("a", "h1"), newJob())).toEqual({ kind: "known", jobIds: [first.id] });
      });

      test("of two at once only one has the name", async () => {
        const answers = await Promise.all([
          submit(file("a", "h1"), newJob()),
          submit(file("b", "h2"), newJob()),
          submit(file("c", "h1"), newJob()),
        ]);
        expect(answers.map(({ kind }) => kind)).toEqual(["added", "conflict", "added"]);
      });
    });

    test("a full queue takes no job until one has ended", async () => {
      await add(newJob(), newJob({ notBefore: clock + 1 }));
      expect(await store.addJobs(runId, [newJob(), newJob()], null, 3)).toEqual({ kind: "full" });
      expect(await store.addJobs(runId, [newJob()], null, 3)).toMatchObject({ kind: "added" });
      const { id, fence } = await claimed();
      expect(await store.addJobs(runId, [newJob()], null, 3)).toEqual({ kind: "full" });
      await store.finish(id, fence, failure("host_rejected"), 1);
      expect(await store.addJobs(runId, [newJob()], null, 3)).toMatchObject({ kind: "added" });
    });

    describe("a page of jobs", () => {
      test("is newest first, and goes on where it ended while others come and go", async () => {
        const ids: string[] = [];
        for (let n = 0; n < 7; n += 1) ids.unshift(await added());
        const first = await store.jobs({ under: null, limit: 3 });
        expect(first.jobs.map(({ id }) => id)).toEqual(ids.slice(0, 3));
        expect(first.jobs[0]).toEqual(await job(ids[0] ?? ""));
        await added();
        await store.cancelJob(ids[2] ?? "", view("cancelled"));
        await store.removeJob(ids[2] ?? "");
        await store.cancelJob(ids[4] ?? "", view("cancelled"));
        await store.removeJob(ids[4] ?? "");
        const second = await store.jobs({ under: null, limit: 3, after: first.next ?? "" });
        expect(second.jobs.map(({ id }) => id)).toEqual([3, 5, 6].map((index) => ids[index] ?? ""));
        expect(second.next).toBeNull();
        const whole = await store.jobs({ under: null, limit: 6 });
        expect(whole.next).toBeNull();
      });

      test("takes no cursor but its own", async () => {
        await add(newJob(), newJob());
        const { next } = await store.jobs({ under: null, limit: 1 });
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
          await expect(store.jobs({ under: null, limit: 1, after })).rejects.toMatchObject({ code: "usage" });
        }
      });

      test("is narrowed by account, labels and state", async () => {
        const done = await ended(success(), { labels: { build: "1", "odd.one": "%" } });
        const both = await added({ uploads: [to(A), to(B, { account: "ulozto" })], labels: { build: "1" } });
        const other = await added({ labels: { build: "2" } });
        expect(await listed({ account: "uploadgig" })).toEqual([other, both, done]);
        expect(await listed({ account: "ulozto" })).toEqual([both]);
        expect(await listed({ account: "UPLOADGIG" })).toEqual([]);
        expect(await listed({ labels: { build: "1" } })).toEqual([both, done]);
        expect(await listed({ labels: { build: "1", "odd.one": "%" } })).toEqual([done]);
        expect(await listed({ labels: { build: "%" } })).toEqual([]);
        expect(await listed({ labels: {} })).toEqual([other, both, done]);
        expect(await listed({ state: "done" })).toEqual([done]);
        expect(await listed({ state: "queued", account: "uploadgig", labels: { build: "1" } })).toEqual([both]);
        expect(await listed({ state: "running" })).toEqual([]);
      });

      test("by state is what each job shows, whatever makes its uploads wait", async () => {
        const both = { uploads: [to(A), to(B, { account: "ulozto" })] };
        await ended();
        await ended(failure("host_rejected"));
        await ended(success(), both);
        const oneRuns = await added(both);
        await claimed(new Set([B]));
        const parked = await added();
        const { id: parkedUpload } = await claimed(new Set([B]));
        await added({ notBefore: clock + 60_000 });
        for (const change of [{}, both, { uploads: [to(B, { account: "ulozto" })] }]) await added(change);
        const all = (await store.jobs({ under: null, limit: 100 })).jobs;
        expect([oneRuns, parked].map((id) => all.some((each) => each.id === id))).toEqual([true, true]);
        for (const accounts of [[], [A], [B], [A, B], ["nobody's"]]) {
          for (const uploads of [[], [parkedUpload]]) {
            const live: LiveFacts = {
              bytes: () => null,
              accountWait: (key) => (accounts.includes(key) ? "account" : null),
              captcha: (id) => (uploads.includes(id) ? "https://captcha.example" : null),
              accountCaptcha: () => null,
              rests: () => false,
            };
            const depth = await shownDepth(store, runId, { accounts, uploads });
            for (const state of JOB_STATES) {
              const shown = all.filter((each) => jobView(each, live).state === state).map(({ id }) => id);
              const found = await listed({ state, waits: { accounts, uploads } });
              expect([accounts, uploads, state, found]).toEqual([accounts, uploads, state, shown]);
              expect([accounts, uploads, state, depth.byState[state]]).toEqual([
                accounts,
                uploads,
                state,
                shown.length,
              ]);
            }
          }
        }
      });

      test("by the thousand is counted in the state it shows", async () => {
        const both = { uploads: [to(A), to(B, { account: "ulozto" })] };
        await add(
          ...Array.from({ length: 1_100 }, () => newJob()),
          ...Array.from({ length: 1_100 }, () => newJob(both)),
        );
        const count = async (accounts: readonly string[]) =>
          (await shownDepth(store, runId, { accounts, uploads: [] })).byState;
        expect(await count([B])).toMatchObject({ running: 0, waiting: 1_100, queued: 1_100 });
        expect(await count([A])).toMatchObject({ running: 0, waiting: 2_200, queued: 0 });
        expect(await count([A, B])).toMatchObject({ running: 0, waiting: 2_200, queued: 0 });
        expect(await count([])).toMatchObject({ running: 0, waiting: 0, queued: 2_200 });
      });

      test("shows only what is below a root, by whole names", async () => {
        const at = async (path: string) => added({ source: file(path) });
        const [root, below, deep] = [await at("/srv/a_b"), await at("/srv/a_b/x"), await at("/srv/a_b/c/%/ů")];
        const beside = [
          await at("/srv/a_b-evil/x"),
          await at("/srv/axb/x"),
          await at("/srv/A_B/x"),
          await at("/srv/a_b.x"),
        ];
        const spooled = await added({
          source: { path: "-", size: 3, mtimeNs: null, inode: null, spool: "/state/spool/1" },
        });
        const all = [root, below, deep, ...beside, spooled].toReversed();
        expect(await listed({ under: ["/srv/a_b"] })).toEqual([deep, below, root]);
        expect(await listed({ under: ["/srv/a_b/"] })).toEqual([deep, below, root]);
        expect(await listed({ under: ["/srv/a_b/c/%", "/srv/A_B", "-"] })).toEqual([spooled, beside[2] ?? "", deep]);
        expect(await listed({ under: ["/srv/a_b/x", "/srv/a_b/x"] })).toEqual([below]);
        expect(await listed({ under: ["/"] })).toEqual(all.slice(1));
        expect(await listed({ under: ["/sr", "/srv/%", "/srv/a?b", "srv"] })).toEqual([]);
        expect(await listed({ under: [] })).toEqual([]);
        expect(await listed({ under: null })).toEqual(all);
      });

      test("is complete however rare what it looks for", async () => {
        const rare = { labels: { rare: "yes" } };
        const jobs = Array.from({ length: 2_500 }, (_, n) => newJob(n % 500 === 0 || n === 1_499 ? rare : {}));
        await add(...jobs);
        const wanted = jobs.filter(({ labels }) => labels.rare !== undefined).map(({ id }) => id);
        expect(await listed(rare)).toEqual(wanted.toReversed());
        const found: string[] = [];
        let after: string | null | undefined;
        do {
          const page = await store.jobs({ under: ["/"], limit: 1, ...rare, ...(after == null ? {} : { after }) });
          found.push(...page.jobs.map(({ id }) => id));
          after = page.next;
        } while (after !== null);
        expect(found).toEqual(wanted.toReversed());
        expect(await listed({ ...rare, state: "queued" })).toEqual(wanted.toReversed());
        expect(await listed({ ...rare, state: "done" })).toEqual([]);
      });
    });

    describe("an owned upload of a job", () => {
      test("that is postponed keeps its place, its phase and why", async () => {
        const id = await added();
        const later = await added();
        const first = await claimed();
        await store.startAttempt(first.id, first.fence);
        await store.savePhase(first.id, first.fence, "sending", { slug: "s" });
        await store.postpone(first.id, first.fence, clock + 1_000.2, "retry", view("network"), 2.5);
        expect(await onlyUpload(id)).toMatchObject({
          state: "queued",
          phase: "sending",
          checkpoint: { slug: "s" },
          attempts: 1,
          seconds: 2.5,
          dueAt: clock + 1_001,
          waitingFor: "retry",
          rounds: 1,
          outcome: failure("network"),
          finishedAt: null,
        });
        expect(await store.jobOfUpload((await claimed()).id)).toMatchObject({ id: later });
        expect(await store.claim(runId, NONE)).toBeNull();
        await expect(store.savePhase(first.id, first.fence, "new")).rejects.toMatchObject({ code: "state" });
        clock += 1_001;
        const again = await claimed();
        expect(again).toMatchObject({ id: first.id, phase: "sending", checkpoint: { slug: "s" }, outcome: null });
        expect(again.fence).toBeGreaterThan(first.fence);
        await store.postpone(again.id, again.fence, clock + 1, "settle", null);
        expect(await onlyUpload(id)).toMatchObject({ rounds: 1, waitingFor: "settle", outcome: null, seconds: 2.5 });
      });

      test("is not postponed or cancelled by who has lost it", async () => {
        const id = await added();
        const { id: uploadId, fence } = await claimed();
        await expect(store.postpone(uploadId, fence + 1, clock, "retry", null)).rejects.toMatchObject({
          code: "state",
        });
        await expect(store.finishCancelled(uploadId, fence + 1, view("cancelled"), 1)).rejects.toMatchObject({
          code: "state",
        });
        expect(await onlyUpload(id)).toMatchObject({ state: "running", rounds: 0 });
      });
    });

    test("a queued upload rests and wakes without being taken", async () => {
      const id = await added();
      const { id: uploadId } = await onlyUpload(id);
      await store.rest(uploadId, clock + 50.5, "account");
      expect(await onlyUpload(id)).toMatchObject({ dueAt: clock + 51, waitingFor: "account", fence: 0 });
      expect(await store.claim(runId, NONE)).toBeNull();
      expect(await listed({ state: "waiting" })).toEqual([id]);
      await store.rest(uploadId, null, "captcha");
      expect(await onlyUpload(id)).toMatchObject({ dueAt: null, waitingFor: "captcha" });
      expect(await listed({ state: "waiting" })).toEqual([id]);
      await store.rest(uploadId, null, null);
      expect(await listed({ state: "queued" })).toEqual([id]);
      await store.rest(uploadId, null, "captcha");
      expect(await claimed()).toMatchObject({ id: uploadId });
      expect(await onlyUpload(id)).toMatchObject({ state: "running", waitingFor: null });
      await store.rest(uploadId, clock + 50, "account");
      expect(await onlyUpload(id)).toMatchObject({ state: "running", dueAt: null, waitingFor: null });
    });

    test("a job that has stood still waits for that no more, and all that is queued of it takes that file", async () => {
      const id = await added({ settleMs: 5, uploads: [to(A), to(B)] });
      const other = await added({ settleMs: 5 });
      clock += 5;
      const first = await claimed();
      const now = { ...file("/file"), size: 11, inode: "1:2" };
      await store.saveSource(first.id, first.fence, now);
      expect(await job(id)).toMatchObject({ settleMs: 5, uploads: [{ source: now }, { source: file("/file") }] });
      await store.stoodStill(first.id);
      expect(await job(id)).toMatchObject({ settleMs: null, uploads: [{ source: now }, { source: now }] });
      expect(await job(other)).toMatchObject({ settleMs: 5, uploads: [{ source: file("/file") }] });
    });

    test("an upload that failed while it was answered for does not have its body up when it is postponed", async () => {
      const id = await added();
      const { id: uploadId, fence } = await claimed();
      await store.savePhase(uploadId, fence, "finishing");
      await store.postpone(uploadId, fence, clock + 1, "retry", view("rate_limited"));
      expect(await onlyUpload(id)).toMatchObject({ phase: "preparing" });
    });

    describe("cancelling a job", () => {
      test("ends what has not begun, and tells what runs", async () => {
        const error = view("cancelled");
        const uploads = [to(A, { name: "done" }), to(A, { name: "running" }), to(A, { name: "queued" }), to(B)];
        const id = await added({ uploads });
        const [done, running, , resting] = (await job(id)).uploads;
        const first = await claimed();
        await store.finish(first.id, first.fence, success(), 1);
        const second = await claimed();
        await store.rest(resting?.id ?? "", clock + 1, "account");
        clock += 5;
        expect(await store.cancelJob(id, error)).toMatchObject([{ id: running?.id, state: "running" }]);
        expect((await job(id)).uploads).toMatchObject([
          { id: done?.id, state: "done", outcome: success() },
          { state: "running", outcome: { ok: false, error } },
          { state: "cancelled", outcome: { ok: false, error }, finishedAt: clock, dueAt: null, waitingFor: null },
          { state: "cancelled", outcome: { ok: false, error }, finishedAt: clock, dueAt: null, waitingFor: null },
        ]);
        expect(await listed({ state: "running" })).toEqual([id]);
        await store.finishCancelled(second.id, second.fence, error, 2);
        expect(await store.get(second.id)).toMatchObject({ state: "cancelled", finishedAt: clock, seconds: 2 });
        expect(await listed({ state: "cancelled" })).toEqual([id]);
        expect(await store.cancelJob(id, error)).toEqual([]);
        expect(await store.claim(runId, NONE)).toBeNull();
      });

      test("comes too late for an upload that ends well", async () => {
        const id = await added();
        const { id: uploadId, fence } = await claimed();
        await store.cancelJob(id, view("cancelled"));
        await store.finish(uploadId, fence, success(), 1);
        expect(await onlyUpload(id)).toMatchObject({ state: "done", outcome: success() });
      });
    });

    describe("trying a job again", () => {
      test("queues what did not succeed, from round 0, at its old place", async () => {
        const id = await added({ uploads: ["done", "failed", "unknown", "cancelled"].map((name) => to(A, { name })) });
        await added();
        const outcomes = [success(), failure("network"), failure("outcome_unknown"), failure("cancelled")];
        for (const [index, outcome] of outcomes.entries()) {
          let { id: uploadId, fence } = await claimed();
          if (index === 1) {
            await store.postpone(uploadId, fence, clock, "retry", view("network"));
            fence = (await claimed()).fence;
          }
          await store.savePhase(uploadId, fence, "sending", { index });
          await store.finish(uploadId, fence, outcome, 1);
        }
        expect(await listed({ state: "unknown" })).toEqual([id]);
        expect(await store.retryJob(runId, id)).toBe(true);
        expect(await store.retryJob(runId, id)).toBe(false);
        const { uploads } = await job(id);
        expect(uploads[0]).toMatchObject({ state: "done", outcome: success() });
        for (const [index, each] of uploads.slice(1).entries()) {
          expect(each).toMatchObject({ state: "queued", outcome: null, finishedAt: null, rounds: 0, crashes: 0 });
          expect(each).toMatchObject({ phase: "sending", checkpoint: { index: index + 1 } });
        }
        expect(await listed({ state: "queued" })).toContain(id);
        expect((await claimed()).name).toBe("failed");
      });

      test("goes on from the phase that is left of it", async () => {
        const rows: [phase: Phase, checkpoint: Json | null, from: Phase][] = [
          ["finishing", null, "new"],
          ["finishing", { alone: true }, "preparing"],
          ["sending", null, "new"],
          ["sending", { blocks: 1 }, "sending"],
          ["committing", { slug: "s" }, "committing"],
        ];
        for (const [phase, checkpoint, from] of rows) {
          const id = await added();
          const { id: uploadId, fence } = await claimed();
          await store.savePhase(uploadId, fence, phase, checkpoint);
          await store.finish(uploadId, fence, failure("outcome_unknown"), 1);
          expect((await onlyUpload(id)).phase).toBe(phase);
          await store.retryJob(runId, id);
          expect(await onlyUpload(id)).toMatchObject({ phase: from, checkpoint });
          await store.cancelJob(id, view("cancelled"));
        }
      });

      test("takes the file as it is now, and leaves what a host has of another content", async () => {
        const id = await added({ uploads: ["done", "begun", "asked", "new"].map((name) => to(A, { name })) });
        const begin = async (phase: Phase, outcome = failure("source")) => {
          const { id: uploadId, fence } = await claimed();
          await store.savePhase(uploadId, fence, phase, { slug: phase });
          await store.finish(uploadId, fence, outcome, 1);
        };
        await begin("committed", success());
        await begin("stored");
        await begin("committing");
        await store.cancelJob(id, view("cancelled"));
        const known = { size: 10, mtimeNs: "1800000000123456789" };
        const same = { ...known, inode: "7:12" };
        await store.retryJob(runId, id, same);
        expect((await job(id)).uploads).toMatchObject([
          { source: file("/file") },
          { source: same, phase: "stored", checkpoint: { slug: "stored" } },
          { source: file("/file"), phase: "committing" },
          { source: same, phase: "new" },
        ]);
        await store.cancelJob(id, view("cancelled"));
        const other = { ...known, inode: "7:112" };
        await store.retryJob(runId, id, other);
        expect((await job(id)).uploads).toMatchObject([
          { source: file("/file"), state: "done" },
          { source: other, phase: "new", checkpoint: null },
          { source: file("/file"), phase: "committing", checkpoint: { slug: "committing" } },
          { source: other, phase: "new", checkpoint: null },
        ]);
      });

      test("still waits for its time", async () => {
        const at = clock + 10_000;
        const id = await added({ notBefore: at });
        await store.cancelJob(id, view("cancelled"));
        expect(await store.retryJob(runId, id)).toBe(true);
        expect(await onlyUpload(id)).toMatchObject({ state: "queued", dueAt: at, waitingFor: "notBefore" });
        expect(await store.claim(runId, NONE)).toBeNull();
        clock = at;
        const { id: uploadId, fence } = await claimed();
        await store.finish(uploadId, fence, failure("host_rejected"), 1);
        expect(await store.retryJob(runId, id)).toBe(true);
        expect(await onlyUpload(id)).toMatchObject({ dueAt: null, waitingFor: null });
      });

      test("waits anew for its file to stand still, unless it once has", async () => {
        const stamp = { size: 11, mtimeNs: "1800000000123456789", inode: "7:12" };
        const id = await added({ settleMs: 10_000 });
        clock += 9_000;
        await store.cancelJob(id, view("cancelled"));
        expect(await store.retryJob(runId, id, stamp)).toBe(true);
        expect(await onlyUpload(id)).toMatchObject({ dueAt: clock + 10_000, waitingFor: "settle" });
        clock += 10_000;
        const { id: uploadId, fence } = await claimed();
        await store.stoodStill(uploadId);
        await store.finish(uploadId, fence, failure("host_rejected"), 1);
        expect(await store.retryJob(runId, id, stamp)).toBe(true);
        expect(await onlyUpload(id)).toMatchObject({ dueAt: null, waitingFor: null });
      });

      test("is not possible while it runs or after it is done", async () => {
        const running = await added();
        const upload = await claimed();
        const queued = await added();
        expect(await store.retryJob(runId, running)).toBe(false);
        expect(await store.retryJob(runId, queued)).toBe(false);
        await store.finish(upload.id, upload.fence, success(), 1);
        expect(await store.retryJob(runId, running)).toBe(false);
      });

      test("goes into the run of the server that is asked", async () => {
        const id = await ended(failure("host_rejected"));
        const next = await store.createRun({});
        expect(await store.retryJob(next, id)).toBe(true);
        await store.dropRun(next);
        expect(await store.claim(runId, NONE)).toBeNull();
        expect(await store.claim(next, NONE)).toMatchObject({ name: "file.bin", runId: next });
      });
    });

    describe("forgetting", () => {
      test("takes only jobs that have ended, and leaves their uploads in the history", async () => {
        const done = await ended(success({ md5: "abc" }));
        const [{ id: uploadId } = { id: "" }] = (await job(done)).uploads;
        const running = await added();
        await claimed();
        const queued = await added();
        expect(await store.removeJob(running)).toBe(false);
        expect(await store.removeJob(queued)).toBe(false);
        expect(await store.removeJob(done)).toBe(true);
        expect(await store.removeJob(done)).toBe(false);
        expect(await store.job(done)).toBeNull();
        expect(await store.jobOfUpload(uploadId)).toBeNull();
        expect(await listed()).toEqual([queued, running]);
        expect((await store.depth()).byState).toMatchObject({ done: 0, running: 1, queued: 1 });

        expect((await Array.fromAsync(store.history({}))).map(({ id }) => id)).toEqual([uploadId]);
        const place = { accountKey: A, folder: "/Backups" };
        expect(await store.findDone({ ...place, source: file("/file") })).toMatchObject({ id: uploadId });
        expect(await store.findDoneByContent({ ...place, size: 10, md5: "abc" })).toMatchObject({ id: uploadId });
        expect(await store.siblings(uploadId)).toHaveLength(1);
      });

      test("the newest job leaves its place to none", async () => {
        const id = await ended();
        const [{ id: uploadId } = { id: "" }] = (await job(id)).uploads;
        await store.removeJob(id);
        await added();
        expect((await store.siblings(uploadId)).map((each) => each.id)).toEqual([uploadId]);
        expect(await store.jobOfUpload(uploadId)).toBeNull();
      });

      test("by age tells which spooled files are left over", async () => {
        const spooled = (n: number) => ({ path: "-", size: 3, mtimeNs: null, inode: null, spool: `/spool/${n}` });
        await ended(failure("network"), { source: spooled(1) });
        await ended(success());
        const at = clock;
        clock += 1;
        const young = await ended(failure("network"), { source: spooled(2) });
        const old = await added({ source: spooled(3) });
        clock += 1;
        expect(await store.forget(at)).toEqual([]);
        expect(await store.forget(at + 1)).toEqual(["/spool/1"]);
        expect(await listed()).toEqual([old, young]);
        await store.retryJob(runId, young);
        expect(await store.forget(clock)).toEqual([]);
        expect(await listed()).toEqual([old, young]);
      });

      test("by the thousand is complete", async () => {
        await add(...Array.from({ length: 1_100 }, () => newJob()));
        for await (const _ of store.endQueued(runId, null, "failed", view("host_auth"))) void _;
        expect((await store.depth()).byState.failed).toBe(1_100);
        await store.forget(clock + 1);
        expect(await listed()).toEqual([]);
        expect((await store.depth()).byState.failed).toBe(0);
        expect(await Array.fromAsync(store.history({}))).toHaveLength(1_100);
      });
    });

    test("the depth tells how many jobs are in each state, and since when", async () => {
      const nothing = { running: 0, waiting: 0, queued: 0, unknown: 0, failed: 0, cancelled: 0, done: 0 };
      expect(await store.depth()).toEqual({ byState: nothing, oldestUnended: null });
      const start = clock;
      await ended(success());
      await ended(failure("network"));
      await ended(failure("outcome_unknown"));
      clock += 10;
      await add(newJob({ uploads: [to(A), to(B)] }));
      clock += 10;
      await add(newJob({ notBefore: clock + 5 }), newJob());
      await store.cancelJob(await added(), view("cancelled"));
      const { id, fence } = await claimed();
      const byState = { running: 1, waiting: 1, queued: 1, unknown: 1, failed: 1, cancelled: 1, done: 1 };
      expect(await store.depth()).toEqual({ byState, oldestUnended: start + 10 });
      await store.finish(id, fence, success(), 1);
      expect((await store.depth()).byState).toEqual({ ...byState, running: 0, queued: 2 });
    });

    describe("a new run takes jobs over", () => {
      const adopt = async () => {
        const next = await store.createRun({});
        const { crashed, untold } = await store.adoptJobs(next, NONE);
        expect(crashed).toEqual([]);
        return { next, ended: untold.map(({ id }) => id) };
      };

      test("in their order, with what was stopped and what rests", async () => {
        const stopped = await added({ uploads: [to(A, { name: "1" }), to(B, { name: "2" })] });
        const resting = await added({ notBefore: clock + 5 });
        const blocked = await added({ uploads: [to(A, { name: "3" })] });
        const first = await claimed();
        await store.savePhase(first.id, first.fence, "sending", { slug: "s" });
        await store.interrupt(first.id, first.fence, view("cancelled"), 2);
        expect(await listed({ state: "queued" })).toEqual([blocked, stopped]);
        await store.rest((await onlyUpload(blocked)).id, null, "captcha");
        const { next, ended } = await adopt();
        // No crash of this process takes the jobs with it.
        await store.dropRun(next);
        expect(ended).toEqual([]);
        expect(await store.claim(runId, NONE)).toBeNull();
        expect(await onlyUpload(resting)).toMatchObject({ runId: next, dueAt: clock + 5, waitingFor: "notBefore" });
        expect(await onlyUpload(blocked)).toMatchObject({ runId: next, waitingFor: null });
        expect(await store.claim(next, NONE)).toMatchObject({
          id: first.id,
          phase: "sending",
          checkpoint: { slug: "s" },
          outcome: null,
          seconds: 2,
        });
        expect(await store.claim(next, NONE)).toMatchObject({ name: "2" });
        expect(await store.claim(next, NONE)).toMatchObject({ name: "3" });
        expect((await job(stopped)).uploads.map(({ crashes }) => crashes)).toEqual([0, 0]);
      });

      test("without the devices of their files, which may be numbered anew", async () => {
        const done = await ended();
        const waiting = await added();
        const spooled = await added({ source: { ...file("-"), inode: null, mtimeNs: null, spool: "/spool/1" } });
        await adopt();
        await adopt();
        expect((await onlyUpload(waiting)).source).toEqual({ ...file("/file"), inode: "0:12" });
        expect((await onlyUpload(spooled)).source.inode).toBeNull();
        expect((await onlyUpload(done)).source).toEqual(file("/file"));
      });

      test("by the thousand", async () => {
        await add(...Array.from({ length: 1_050 }, () => newJob()));
        const { next } = await adopt();
        expect(await store.queued(runId)).toEqual(new Map());
        expect(await store.queued(next)).toEqual(new Map([[A, 1_050]]));
      });

      test("and hears of those whose end was not told", async () => {
        const told = await ended();
        await store.jobTold(told);
        const untold = await ended(failure("network"));
        const running = await added();
        await store.jobTold(running);
        expect((await adopt()).ended).toEqual([untold]);
        await store.jobTold(untold);
        const { next, ended: rest } = await adopt();
        expect(rest).toEqual([]);
        await store.retryJob(next, untold);
        const again = await store.claim(next, NONE);
        await store.finish(again?.id ?? "", again?.fence ?? 0, success(), 1);
        await store.cancelJob(running, view("cancelled"));
        expect((await adopt()).ended).toEqual([untold, running]);
      });

      test("and keeps the destinations of a job together", async () => {
        const id = await added({ uploads: [to(A), to(B), to(A, { folder: null })] });
        const first = await claimed();
        await store.finish(first.id, first.fence, success(), 1);
        await adopt();
        const ids = (await job(id)).uploads.map((each) => each.id);
        for (const each of ids) expect((await store.siblings(each)).map((sibling) => sibling.id)).toEqual(ids);
      });
    });

    describe("the command line", () => {
      test("neither lists, takes, drops nor tells uploads of jobs", async () => {
        const failed = await ended(failure("network"));
        const lost = await ended(failure("outcome_unknown"));
        const stopped = await added();
        const { id, fence } = await claimed();
        await store.interrupt(id, fence, null, 1);
        const queued = await added();
        const before = await Promise.all([failed, lost, stopped, queued].map(job));
        const uploads = before.flatMap((each) => each.uploads);
        await store.recover(NONE);
        expect(await Array.fromAsync(store.resumable())).toEqual([]);
        expect(await store.untold()).toEqual([]);
        const run = await store.createRun({});
        const ids = uploads.map((each) => each.id);
        expect(await store.requeue(run, ids)).toEqual([]);
        for (const each of ids) expect(await store.drop(each)).toBe(false);
        const added_ = await store.addUploads(run, [upload()]);
        expect(added_.map(({ kind }) => kind)).toEqual(["new"]);
        await store.removeJob(failed);
        expect(await Array.fromAsync(store.resumable())).toEqual([]);
        expect(await Promise.all([lost, stopped, queued].map(job))).toEqual(before.slice(1));
      });

      test("keeps its own uploads from a server", async () => {
        const run = await store.createRun({});
        await store.addUploads(run, [upload()]);
        await store.openRun(run);
        expect((await store.adoptJobs(runId, NONE)).untold).toEqual([]);
        expect(await store.claim(runId, NONE)).toBeNull();
        const [only] = await Array.fromAsync(store.uploadsOf(run));
        await store.rest(only?.id ?? "", clock + 1, "account");
        expect(await store.jobOfUpload(only?.id ?? "")).toBeNull();
        expect(await store.claim(run, NONE)).toMatchObject({ id: only?.id });
      });
    });

    test("a message is remembered for 30 days, by its sender", async () => {
      expect(await store.rememberMessage("hook", "1")).toBe(true);
      expect(await store.rememberMessage("hook", "1")).toBe(false);
      expect(await store.rememberMessage("other", "1")).toBe(true);
      expect(await Promise.all([1, 2, 3].map(() => store.rememberMessage("hook", "2")))).toEqual([true, false, false]);
      clock += 30 * DAY_MS - 1;
      await store.forget(0);
      expect(await store.rememberMessage("hook", "1")).toBe(false);
      clock += 1;
      expect(await store.rememberMessage("hook", "1")).toBe(true);
      expect(await store.rememberMessage("hook", "1")).toBe(false);
      clock += 30 * DAY_MS;
      await store.forget(0);
      expect(await store.rememberMessage("hook", "2")).toBe(true);
    });

    describe("a delivery", () => {
      const delivery = (body: string) => ({ channel: "callback", url: "https://ci.example/done", body });
      const due = async (limit = 10) => (await store.dueDeliveries(limit)).map(({ body }) => body).join("");

      test("is due at once, oldest first, until it is settled", async () => {
        expect(await store.nextDelivery()).toBeNull();
        const at = clock;
        await store.enqueueDelivery(delivery("1"));
        await store.enqueueDelivery({ channel: "ntfy", url: "", body: "2" });
        clock += 1;
        await store.enqueueDelivery(delivery("3"));
        expect(await due()).toBe("123");
        expect(await due(2)).toBe("12");
        const [one, two, three] = await store.dueDeliveries(10);
        expect(one).toEqual({ ...delivery("1"), id: expect.any(String), createdAt: at, tries: 0 });
        expect(two).toMatchObject({ channel: "ntfy", url: "" });
        expect(await store.nextDelivery()).toBe(at);

        await store.settleDelivery(one?.id ?? "", clock + 5_000.5);
        await store.settleDelivery(two?.id ?? "", null);
        expect(await due()).toBe("3");
        await store.settleDelivery(three?.id ?? "", null);
        expect(await due()).toBe("");
        expect(await store.nextDelivery()).toBe(clock + 5_001);
        clock += 5_001;
        expect(await store.dueDeliveries(10)).toEqual([
          { ...delivery("1"), id: one?.id ?? "", createdAt: at, tries: 1 },
        ]);
        await store.settleDelivery(one?.id ?? "", null);
        expect(await store.nextDelivery()).toBeNull();
      });

      test("that is gone is settled already", async () => {
        await store.settleDelivery(NOBODY, null);
        await store.settleDelivery(NOBODY, clock);
        expect(await store.nextDelivery()).toBeNull();
      });
    });

    test("the states of all accounts are told by key", async () => {
      expect(await store.accountStates()).toEqual(new Map());
      await store.saveAccount(A, { paused: true });
      await store.saveAccount(B, { coolDownUntil: clock + 5 });
      const states = new Map([
        [A, await store.account(A)],
        [B, await store.account(B)],
      ]);
      expect(await store.accountStates()).toEqual(states);
      clock += 5;
      expect((await store.accountStates()).get(B)?.coolDownUntil).toBeNull();
    });
  });
}

export function newJob(change: Partial<NewJob> = {}): NewJob {
  return {
    id: Bun.randomUUIDv7(),
    source: file("/file"),
    labels: {},
    group: null,
    hook: null,
    notBefore: null,
    settleMs: null,
    callback: null,
    after: { do: "keep" },
    resumable: "auto",
    uploads: [to(A)],
    ...change,
  };
}

/** A destination. */
export function to(accountKey: string, change: Partial<NewJob["uploads"][number]> = {}): NewJob["uploads"][number] {
  return { account: "uploadgig", accountKey, host: "uploadgig", folder: "/Backups", name: "file.bin", ...change };
}
