import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  type Added,
  type JobStore,
  type NewUpload,
  type Outcome,
  RESUMED,
  type UploadRecord,
} from "../../src/core/job-store.ts";
import { AppError, type ErrorCode, type ErrorView, errorView } from "../../src/errors.ts";

export interface StoreFixture extends AsyncDisposable {
  readonly store: JobStore;
}

const A = "uploadgig https://uploadgig.example me";
const B = "ulozto https://uloz.example me";
const NONE: ReadonlySet<string> = new Set();

/** What every store must do within one process. `now` is the store's clock. */
export function describeJobStore(name: string, open: (now: () => number) => StoreFixture): void {
  describe(name, () => {
    let fixture: StoreFixture;
    let store: JobStore;
    let clock: number;
    beforeEach(() => {
      clock = 1_800_000_000_000;
      fixture = open(() => clock);
      store = fixture.store;
    });
    afterEach(() => fixture[Symbol.asyncDispose]());

    /** An open run of these uploads. */
    async function run(uploads: readonly NewUpload[], options = {}): Promise<string> {
      const id = await store.createRun(options);
      await store.addUploads(id, uploads);
      await store.openRun(id);
      return id;
    }

    async function claimed(runId: string, busy = NONE): Promise<UploadRecord> {
      const upload = await store.claim(runId, busy);
      if (upload === null) throw new Error("nothing to claim");
      return upload;
    }

    async function interrupted(upload: NewUpload): Promise<UploadRecord> {
      const { id, fence } = await claimed(await run([upload]));
      await store.startAttempt(id, fence);
      await store.savePhase(id, fence, "sending", { slug: "s1" });
      await store.interrupt(id, fence, null, 2.5);
      return record(id);
    }

    async function finished(upload: NewUpload, outcome: Outcome): Promise<UploadRecord> {
      const { id, fence } = await claimed(await run([upload]));
      await store.finish(id, fence, outcome, 1);
      return record(id);
    }

    async function record(id: string): Promise<UploadRecord> {
      const found = await store.get(id);
      if (found === null) throw new Error(`no upload ${id}`);
      return found;
    }

    const ids = async (uploads: AsyncIterable<UploadRecord>) => (await Array.fromAsync(uploads)).map(({ id }) => id);

    describe("a run", () => {
      test("keeps its options as they are", async () => {
        const options = { parallel: 3, limitRate: [{ minuteOfDay: 0, rate: null }], after: { do: "keep" } };
        expect(await store.runOptions(await run([], options))).toEqual(options);
        expect(await store.runOptions("0198c5d2-0000-7000-8000-000000000000")).toBeNull();
      });

      test("holds new uploads as they were given", async () => {
        const given = upload({ source: file("/a b/ů.bin"), folder: "/Ž", labels: { "build.no": "42" } });
        const runId = await run([given]);
        const [only, ...others] = await Array.fromAsync(store.uploadsOf(runId));
        expect(others).toEqual([]);
        expect(only).toMatchObject({
          ...given,
          runId,
          state: "queued",
          phase: "new",
          checkpoint: null,
          attempts: 0,
          outcome: null,
          createdAt: clock,
          startedAt: null,
          finishedAt: null,
          seconds: 0,
        });
      });

      test("lists thousands of uploads in result order, whatever the order they came in", async () => {
        const runId = await store.createRun({});
        const places = Array.from({ length: 1_700 }, (_, index) => [index >> 1, index & 1] as const);
        for (const [sourceIndex, destinationIndex] of places.toReversed()) {
          void store.addUploads(runId, [upload({ sourceIndex, destinationIndex, source: file(`/${sourceIndex}`) })]);
        }
        await store.openRun(runId);
        const listed = await Array.fromAsync(store.uploadsOf(runId));
        expect(listed.map(({ sourceIndex, destinationIndex }) => [sourceIndex, destinationIndex] as const)).toEqual(
          places,
        );
      });

      test("a source that cannot be uploaded has ended at once", async () => {
        const runId = await run([upload({ outcome: failure("source") }), upload({ sourceIndex: 1 })]);
        expect(await claimed(runId)).toMatchObject({ sourceIndex: 1 });
        expect(await store.claim(runId, NONE)).toBeNull();
        const [failed] = await Array.fromAsync(store.uploadsOf(runId));
        expect(failed).toMatchObject({
          state: "failed",
          outcome: failure("source"),
          finishedAt: clock,
          reported: true,
        });
      });

      test("vanishes when it is dropped before it is opened", async () => {
        const runId = await store.createRun({});
        const [added] = await store.addUploads(runId, [upload()]);
        await store.dropRun(runId);
        expect(await store.get(idOf(added))).toBeNull();
        expect(await store.runOptions(runId)).toBeNull();
        await expect(store.openRun(runId)).rejects.toMatchObject({ code: "state" });
      });

      test("stays when it is dropped after it was opened", async () => {
        const runId = await run([upload()]);
        await store.dropRun(runId);
        expect(await store.claim(runId, NONE)).not.toBeNull();
      });
    });

    describe("a claim", () => {
      test("goes by source, then destination", async () => {
        const runId = await run([
          upload({ sourceIndex: 1, destinationIndex: 0, accountKey: A }),
          upload({ sourceIndex: 0, destinationIndex: 1, accountKey: A }),
          upload({ sourceIndex: 0, destinationIndex: 0, accountKey: B }),
        ]);
        const order: string[] = [];
        for (let next = await store.claim(runId, NONE); next !== null; next = await store.claim(runId, NONE)) {
          order.push(`${next.sourceIndex}.${next.destinationIndex}`);
        }
        expect(order).toEqual(["0.0", "0.1", "1.0"]);
      });

      test("passes busy accounts over and takes only its own run's uploads", async () => {
        await run([upload({ accountKey: A, name: "elsewhere" })]);
        const runId = await run([upload({ accountKey: B }), upload({ sourceIndex: 1, accountKey: A })]);
        expect(await claimed(runId, new Set([B]))).toMatchObject({ accountKey: A, sourceIndex: 1 });
        expect(await store.claim(runId, new Set([B]))).toBeNull();
        expect(await store.claim(runId, NONE, A)).toBeNull();
        expect(await store.queued(runId)).toEqual(new Map([[B, 1]]));
        expect(await store.claim(runId, new Set([A, B]))).toBeNull();
        expect(await claimed(runId)).toMatchObject({ accountKey: B });
        expect(await store.queued(runId)).toEqual(new Map());
      });

      test("starts the upload under a new fence", async () => {
        const runId = await run([upload()]);
        const [queued] = await Array.fromAsync(store.uploadsOf(runId));
        clock += 5;
        const running = await claimed(runId);
        expect(running).toMatchObject({ state: "running", startedAt: clock });
        expect(running.fence).toBeGreaterThan(queued?.fence ?? Number.POSITIVE_INFINITY);
      });
    });

    describe("an owned upload", () => {
      test("keeps phase, checkpoint, source and attempts", async () => {
        const { id, fence } = await claimed(await run([upload()]));
        await store.savePhase(id, fence, "preparing", { slug: "s1", blocks: [1, 2] });
        await store.savePhase(id, fence, "sending");
        await store.startAttempt(id, fence);
        await store.startAttempt(id, fence);
        const source = { path: "/spooled", size: 7, mtimeNs: "-5", inode: "1:2", spool: "/state/spool/1" };
        await store.saveSource(id, fence, source);
        expect(await record(id)).toMatchObject({
          phase: "sending",
          checkpoint: { slug: "s1", blocks: [1, 2] },
          attempts: 2,
          source,
        });
        await store.savePhase(id, fence, "preparing", null);
        expect(await record(id)).toMatchObject({ phase: "preparing", checkpoint: null });
      });

      test("ends done, without the checkpoint that nobody needs any more", async () => {
        const { id, fence } = await claimed(await run([upload()]));
        await store.savePhase(id, fence, "committing", { slug: "s1" });
        clock += 9;
        await store.finish(id, fence, success(), 1.5);
        expect(await record(id)).toMatchObject({
          state: "done",
          outcome: success(),
          checkpoint: null,
          finishedAt: clock,
          seconds: 1.5,
          reported: true,
        });
      });

      test.each([
        ["network", "failed"],
        ["host_rejected", "failed"],
        ["outcome_unknown", "unknown"],
        ["cancelled", "cancelled"],
      ] as const)("that fails with %s is %s, and keeps its checkpoint", async (code, state) => {
        const { id, fence } = await claimed(await run([upload()]));
        await store.savePhase(id, fence, "finishing", { slug: "s1" });
        await store.finish(id, fence, failure(code), 1);
        expect(await record(id)).toMatchObject({ state, outcome: failure(code), checkpoint: { slug: "s1" } });
      });

      test("that has ended, or was never ours, takes no further word", async () => {
        const { id, fence } = await claimed(await run([upload()]));
        const later = store.savePhase(id, fence + 1, "sending");
        const fine = store.savePhase(id, fence, "sending");
        await expect(later).rejects.toMatchObject({ code: "state" });
        await fine;
        await store.finish(id, fence, success(), 1);
        for (const write of [
          () => store.savePhase(id, fence, "preparing", { again: true }),
          () => store.startAttempt(id, fence),
          () => store.saveSource(id, fence, file("/other")),
          () => store.finish(id, fence, failure("network"), 2),
          () => store.interrupt(id, fence, null, 2),
          () => store.savePhase("0198c5d2-0000-7000-8000-000000000000", fence, "sending"),
        ]) {
          await expect(write()).rejects.toMatchObject({ code: "state" });
        }
        expect(await record(id)).toMatchObject({ state: "done", phase: "sending", seconds: 1 });
      });
    });

    describe("queued uploads that end untried", () => {
      test("of one account leave the others queued", async () => {
        const error = view("host_auth");
        const runId = await run([0, 1, 2, 3].map((n) => upload({ sourceIndex: n, accountKey: n % 2 === 0 ? A : B })));
        const ended = await Array.fromAsync(store.endQueued(runId, A, "failed", error));
        expect(ended.map((each) => [each.sourceIndex, each.state, each.outcome])).toEqual([
          [0, "failed", { ok: false, error }],
          [2, "failed", { ok: false, error }],
        ]);
        expect(await store.queued(runId)).toEqual(new Map([[B, 2]]));
        expect(await ids(store.resumable())).toEqual([]);
      });

      test("by the thousand come in result order, and can be resumed when interrupted", async () => {
        const runId = await run(
          Array.from({ length: 1_201 }, (_, n) =>
            upload({ sourceIndex: n, source: file(`/${n}`), accountKey: n % 3 ? A : B }),
          ),
        );
        const running = await claimed(runId);
        const ended = await Array.fromAsync(store.endQueued(runId, null, "interrupted", view("cancelled")));
        expect(ended.map(({ sourceIndex }) => sourceIndex)).toEqual(Array.from({ length: 1_200 }, (_, n) => n + 1));
        expect(new Set(ended.map(({ state }) => state))).toEqual(new Set(["interrupted"]));
        expect(await ids(store.resumable())).toEqual(ended.map(({ id }) => id));
        expect((await record(running.id)).state).toBe("running");
      });
    });

    describe("naming the same file again", () => {
      test("goes on with an interrupted upload", async () => {
        const before = await interrupted(upload({ account: "old-name", labels: { a: "1" } }));
        const runId = await store.createRun({});
        const again = upload({ sourceIndex: 4, destinationIndex: 1, account: "new-name", labels: { b: "2" } });
        expect(await store.addUploads(runId, [again])).toEqual([{ kind: "adopted", id: before.id }]);
        await store.openRun(runId);
        expect(await ids(store.resumable())).toEqual([]);
        expect(await claimed(runId)).toMatchObject({
          id: before.id,
          runId,
          sourceIndex: 4,
          destinationIndex: 1,
          account: "new-name",
          labels: { b: "2" },
          phase: "sending",
          checkpoint: { slug: "s1" },
          attempts: 1,
          seconds: 2.5,
          outcome: null,
          createdAt: before.createdAt,
          fence: before.fence + 1,
        });
      });

      test("goes on with a failure that may pass", async () => {
        const { id } = await finished(upload(), failure("network"));
        expect(await store.addUploads(await store.createRun({}), [upload()])).toEqual([{ kind: "adopted", id }]);
      });

      test.each([
        ["size", { ...file("/file"), size: 11 }],
        ["mtime", { ...file("/file"), mtimeNs: "1" }],
      ])("of another %s goes on as what was interrupted, for its start to notice", async (_, source) => {
        const before = await interrupted(upload());
        const runId = await store.createRun({});
        expect(await store.addUploads(runId, [upload({ source })])).toEqual([{ kind: "adopted", id: before.id }]);
        await store.openRun(runId);
        expect(await ids(store.resumable())).toEqual([]);
        expect(await claimed(runId)).toMatchObject({ source: before.source, checkpoint: before.checkpoint });
      });

      test.each(["committing", "committed"] as const)("after it changed in %s leaves it to `resume`", async (phase) => {
        const { id, fence } = await claimed(await run([upload()]));
        await store.savePhase(id, fence, phase, { slug: "s1" });
        await store.interrupt(id, fence, null, 1);
        const changed = upload({ source: { ...file("/file"), size: 11 } });
        const [added] = await store.addUploads(await store.createRun({}), [changed]);
        expect(added?.kind).toBe("new");
        expect(await ids(store.resumable())).toEqual([id]);
        expect(await store.addUploads(await store.createRun({}), [upload()])).toEqual([{ kind: "adopted", id }]);
      });

      test.each([
        ["another path", { source: file("/other") }],
        ["another account", { accountKey: B }],
        ["another folder", { folder: "/other" }],
        ["no folder", { folder: null }],
        ["another name", { name: "other.bin" }],
        ["a source that has failed already", { outcome: failure("source") }],
      ] satisfies [string, Partial<NewUpload>][])("%s is another upload", async (_, change) => {
        const before = await interrupted(upload());
        const [added] = await store.addUploads(await store.createRun({}), [upload(change)]);
        expect(added?.kind).toBe("new");
        expect((await record(before.id)).state).toBe("interrupted");
      });

      test.each([
        ["done", success()],
        ["failed for good", failure("host_rejected")],
        ["cancelled", failure("cancelled")],
        ["unknown and told", failure("outcome_unknown")],
      ])("an upload that is %s is not taken up", async (_, outcome) => {
        await finished(upload(), outcome);
        const [added] = await store.addUploads(await store.createRun({}), [upload()]);
        expect(added?.kind).toBe("new");
      });

      test("standard input is always new", async () => {
        const stdin = upload({ source: { path: "-", size: null, mtimeNs: null, inode: null, spool: null } });
        await interrupted(stdin);
        const added = await store.addUploads(await store.createRun({}), [stdin, stdin]);
        expect(added.map(({ kind }) => kind)).toEqual(["new", "new"]);
      });

      test("twice in one run makes two uploads, of which one may go on", async () => {
        const { id } = await interrupted(upload());
        const runId = await store.createRun({});
        const added = await store.addUploads(runId, [upload(), upload({ sourceIndex: 1 })]);
        expect(added.map(({ kind }) => kind)).toEqual(["adopted", "new"]);
        await store.openRun(runId);
        expect([(await claimed(runId)).id, (await claimed(runId)).id]).toEqual(added.map(idOf));
        expect(added.map(idOf)).toContain(id);
      });

      test("of a run that is dropped puts everything back", async () => {
        const before = await interrupted(upload({ account: "old-name", labels: { a: "1" } }));
        const failed = await finished(upload({ name: "b" }), failure("network"));
        const runId = await store.createRun({});
        await store.addUploads(runId, [
          upload({ account: "new-name", sourceIndex: 7 }),
          upload({ name: "b", sourceIndex: 8 }),
          upload({ name: "c" }),
        ]);
        await store.dropRun(runId);
        expect(await record(before.id)).toEqual(before);
        expect(await record(failed.id)).toEqual(failed);
        expect(await ids(store.resumable())).toEqual([before.id, failed.id]);
      });
    });

    describe("resuming", () => {
      test("lists what was interrupted or may pass, oldest first", async () => {
        const first = await interrupted(upload({ name: "1" }));
        await finished(upload({ name: "2" }), failure("host_rejected"));
        const third = await finished(upload({ name: "3" }), failure("timeout"));
        await finished(upload({ name: "4" }), failure("outcome_unknown"));
        await finished(upload({ name: "5" }), success());
        await run([upload({ name: "6" })]);
        expect(await ids(store.resumable())).toEqual([first.id, third.id]);
      });

      test("takes each upload once, and none that is done, running or unheard of", async () => {
        const one = await interrupted(upload({ name: "1" }));
        const two = await finished(upload({ name: "2" }), failure("outcome_unknown"));
        const done = await finished(upload({ name: "3" }), success());
        const running = await claimed(await run([upload({ name: "4" })]));
        const runId = await store.createRun({});
        const asked = [two.id, done.id, running.id, one.id, one.id, "0198c5d2-0000-7000-8000-000000000000"];
        expect(await store.requeue(runId, asked)).toEqual([two.id, one.id]);
        await store.openRun(runId);
        expect(await claimed(runId)).toMatchObject({ id: two.id, outcome: null });
        expect(await claimed(runId)).toMatchObject({ id: one.id, phase: "sending", checkpoint: { slug: "s1" } });
        expect(await store.claim(runId, NONE)).toBeNull();
        expect(await store.requeue(await store.createRun({}), [one.id, two.id])).toEqual([]);
      });

      test("that is dropped puts everything back", async () => {
        const before = await finished(upload(), failure("outcome_unknown"));
        const runId = await store.createRun({});
        await store.requeue(runId, [before.id]);
        await store.dropRun(runId);
        expect(await record(before.id)).toEqual(before);
      });

      test("keeps the destinations of a source together, moved or not", async () => {
        const runId = await run([
          upload({ destinationIndex: 0, accountKey: A }),
          upload({ destinationIndex: 1, accountKey: B }),
          upload({ destinationIndex: 2, accountKey: A, folder: "/2" }),
          upload({ sourceIndex: 1, source: file("/2nd"), name: "2nd" }),
        ]);
        const [zero, one, two, other] = await Promise.all([1, 2, 3, 4].map(() => claimed(runId)));
        if (!zero || !one || !two || !other) throw new Error("four uploads");
        await store.finish(zero.id, zero.fence, success(), 1);
        for (const each of [one, two, other]) await store.interrupt(each.id, each.fence, null, 1);
        const next = await store.createRun({});
        await store.requeue(next, [other.id, two.id, one.id]);
        await store.openRun(next);
        expect(await ids(store.uploadsOf(next))).toEqual([other.id, one.id, two.id]);
        for (const id of [zero.id, one.id, two.id]) {
          expect((await store.siblings(id)).map((each) => each.id)).toEqual([zero.id, one.id, two.id]);
        }
        expect((await store.siblings(other.id)).map((each) => each.id)).toEqual([other.id]);

        const last = await claimed(next);
        await store.interrupt(last.id, last.fence, null, 1);
        await store.requeue(await store.createRun({}), [last.id]);
        expect((await store.siblings(last.id)).map((each) => each.id)).toEqual([last.id]);
        expect(await store.siblings("0198c5d2-0000-7000-8000-000000000000")).toEqual([]);
      });

      test("an upload that is named anew starts a family of its own", async () => {
        const runId = await run([upload({ destinationIndex: 0 }), upload({ destinationIndex: 1, accountKey: B })]);
        for (const each of [await claimed(runId), await claimed(runId)]) {
          await store.interrupt(each.id, each.fence, null, 1);
        }
        const next = await store.createRun({});
        const [adopted] = await store.addUploads(next, [upload()]);
        expect((await store.siblings(idOf(adopted))).map(({ id }) => id)).toEqual([idOf(adopted)]);
      });

      test("drop forgets what is open, and nothing else", async () => {
        const open = [
          await interrupted(upload({ name: "1" })),
          await finished(upload({ name: "2" }), failure("host_rejected")),
          await finished(upload({ name: "3" }), failure("outcome_unknown")),
        ];
        for (const { id } of open) {
          expect(await store.drop(id)).toBe(true);
          expect(await store.get(id)).toBeNull();
          expect(await store.drop(id)).toBe(false);
        }
        const done = await finished(upload({ name: "4" }), success());
        const running = await claimed(await run([upload({ name: "5" })]));
        for (const { id } of [done, running]) expect(await store.drop(id)).toBe(false);
      });
    });

    describe("the history", () => {
      async function past(count: number): Promise<readonly UploadRecord[]> {
        const uploads: UploadRecord[] = [];
        for (let n = 0; n < count; n += 1) {
          clock += 1_000;
          const labels: Record<string, string> = n % 2 === 0 ? { "odd.one": "no", n: String(n) } : {};
          const outcome = n % 3 === 0 ? failure("host_rejected") : success();
          uploads.push(await finished(upload({ name: `${n}`, account: n < 3 ? "one" : "two", labels }), outcome));
        }
        return uploads;
      }

      test("tells what has ended, in both directions", async () => {
        const uploads = await past(6);
        await interrupted(upload({ name: "interrupted" }));
        await run([upload({ name: "queued" })]);
        await finished(upload({ name: "skipped" }), { ...success(), skipped: true, skipReason: "ledger" } as Outcome);
        expect(await Array.fromAsync(store.history({}))).toEqual([...uploads]);
        expect(await Array.fromAsync(store.history({ newestFirst: true }))).toEqual(uploads.toReversed());
      });

      test("is narrowed by time, account, label and failure", async () => {
        const uploads = await past(6);
        const at = (index: number) => uploads[index]?.finishedAt ?? 0;
        const names = async (query: Parameters<JobStore["history"]>[0]) =>
          (await Array.fromAsync(store.history(query))).map(({ name }) => name).join("");
        expect(await names({ since: at(2), until: at(4) })).toBe("234");
        expect(await names({ account: "one" })).toBe("012");
        expect(await names({ failed: true })).toBe("03");
        expect(await names({ label: { "odd.one": "no" } })).toBe("024");
        expect(await names({ label: { "odd.one": "no", n: "4" } })).toBe("4");
        expect(await names({ label: { "odd.one": "%" } })).toBe("");
        expect(await names({ account: "two", failed: true, since: at(1) })).toBe("3");
      });

      test("of thousands that ended in one moment is complete", async () => {
        const runId = await run(
          Array.from({ length: 1_300 }, (_, n) => upload({ sourceIndex: n, source: file(`/${n}`) })),
        );
        const ended = await ids(store.endQueued(runId, null, "failed", view("host_auth")));
        expect(await ids(store.history({}))).toEqual(ended);
        expect(await ids(store.history({ newestFirst: true }))).toEqual(ended.toReversed());
      });
    });

    describe("looking up what is done", () => {
      test("finds the newest upload of the same file to the same place, under any name", async () => {
        await finished(upload({ name: "first" }), success());
        clock += 1;
        const second = await finished(upload({ name: "second" }), success());
        const { source, accountKey, folder } = second;
        expect(await store.findDone({ source: { ...source, inode: null }, accountKey, folder })).toEqual(second);
        expect(await store.findDone({ source, accountKey: B, folder })).toBeNull();
        expect(await store.findDone({ source, accountKey, folder: null })).toBeNull();
        expect(await store.findDone({ source: { ...source, size: 9 }, accountKey, folder })).toBeNull();
        expect(await store.findDone({ source: { ...source, mtimeNs: "9" }, accountKey, folder })).toBeNull();
        expect(await store.findDone({ source: { ...source, path: "/elsewhere" }, accountKey, folder })).toBeNull();
      });

      test("finds the same content from any path", async () => {
        const done = await finished(upload({ source: file("/one") }), success({ md5: "abc", size: 10 }));
        const key = { accountKey: A, folder: "/Backups", size: 10, md5: "abc" };
        expect(await store.findDoneByContent(key)).toEqual(done);
        expect(await store.findDoneByContent({ ...key, size: 11 })).toBeNull();
        expect(await store.findDoneByContent({ ...key, md5: "abd" })).toBeNull();
        expect(await store.findDoneByContent({ ...key, accountKey: B })).toBeNull();
      });

      test("counts neither what failed, nor what was skipped, nor standard input", async () => {
        const key = { source: file("/file"), accountKey: A, folder: "/Backups" };
        await finished(upload(), failure("integrity"));
        await finished(upload({ name: "b" }), {
          ...success({ md5: "abc" }),
          skipped: true,
          skipReason: "host",
        } as Outcome);
        expect(await store.findDone(key)).toBeNull();
        expect(await store.findDoneByContent({ ...key, size: 10, md5: "abc" })).toBeNull();
        const stdin = { path: "-", size: 10, mtimeNs: null, inode: null, spool: null };
        await finished(upload({ source: stdin }), success());
        expect(await store.findDone({ ...key, source: stdin })).toBeNull();
      });
    });

    describe("lanes and locks", () => {
      test("an account has as many lanes as its capacity says", async () => {
        expect(await store.takeLane(A, 2)).toEqual({ granted: true });
        expect(await store.takeLane(A, 2)).toEqual({ granted: true });
        expect(await store.takeLane(A, 2)).toEqual({ granted: false, owner: store.owner });
        expect(await store.laneOwners(A)).toEqual([store.owner, store.owner]);
        expect(await store.laneOwners(B)).toEqual([]);
        expect(await store.takeLane(B, 1)).toEqual({ granted: true });
        await store.freeLane(A);
        expect(await store.takeLane(A, 2)).toEqual({ granted: true });
        expect(await store.takeLane(A, 2)).toMatchObject({ granted: false });
      });

      test("a lock is held once, and freed by name", async () => {
        expect(await store.takeLock("x")).toEqual({ granted: true });
        expect(await store.takeLock("x")).toEqual({ granted: false, owner: store.owner });
        expect(await store.takeLock("y")).toEqual({ granted: true });
        expect(await store.lockOwner("x")).toEqual(store.owner);
        await store.freeLock("x");
        expect(await store.lockOwner("x")).toBeNull();
        await store.freeLock("never taken");
        expect(await store.takeLock("x")).toEqual({ granted: true });
      });
    });

    describe("accounts", () => {
      test("start blank and keep what is changed", async () => {
        const blank = {
          ...{ coolDownUntil: null, coolDowns: 0, refusedSecret: null, refusedMessage: null },
          ...{ paused: false, pausedBecause: null },
        };
        expect(await store.account(A)).toEqual(blank);
        await store.saveAccount(A, { refusedSecret: "f00", refusedMessage: "No!" });
        await store.saveAccount(A, { paused: true, pausedBecause: "enough" });
        expect(await store.account(A)).toEqual({
          ...{ ...blank, refusedSecret: "f00", refusedMessage: "No!" },
          ...{ paused: true, pausedBecause: "enough" },
        });
        expect(await store.account(B)).toEqual(blank);
        await store.saveAccount(A, ({ pausedBecause }) => ({ refusedMessage: `${pausedBecause}!` }));
        expect(await store.account(A)).toMatchObject({ refusedMessage: "enough!", paused: true });
        await store.saveAccount(A, RESUMED);
        expect(await store.account(A)).toEqual(blank);
      });

      test("a cool-down ends by itself; how many there were in a row stays", async () => {
        await store.saveAccount(A, { coolDownUntil: clock + 1_000, coolDowns: 2 });
        expect(await store.account(A)).toMatchObject({ coolDownUntil: clock + 1_000, coolDowns: 2 });
        clock += 1_000;
        expect(await store.account(A)).toMatchObject({ coolDownUntil: null, coolDowns: 2 });
      });

      test("a fingerprint tells secrets apart and does not show them", async () => {
        const one = await store.fingerprint("secret");
        expect(one).toMatch(/^[0-9a-f]{64}$/);
        expect(await store.fingerprint("secret")).toBe(one);
        expect(await store.fingerprint("Secret")).not.toBe(one);
        expect(one).not.toBe(new Bun.CryptoHasher("sha256").update("secret").digest("hex"));
      });
    });

    test("a closed store refuses everything, and closing twice is fine", async () => {
      const runId = await run([upload()]);
      await fixture[Symbol.asyncDispose]();
      await expect(store.createRun({})).rejects.toMatchObject({ code: "state" });
      await expect(store.get(runId)).rejects.toMatchObject({ code: "state" });
      await expect(Array.fromAsync(store.uploadsOf(runId))).rejects.toMatchObject({ code: "state" });
    });
  });
}

export function upload(change: Partial<NewUpload> = {}): NewUpload {
  return {
    sourceIndex: 0,
    destinationIndex: 0,
    source: file("/file"),
    account: "uploadgig",
    accountKey: A,
    host: "uploadgig",
    folder: "/Backups",
    name: "file.bin",
    labels: {},
    ...change,
  };
}

export function file(path: string) {
  return { path, size: 10, mtimeNs: "1800000000123456789", inode: "64769:12", spool: null };
}

export function success(change: Partial<Extract<Outcome, { ok: true }>> = {}): Outcome {
  const url = "https://uploadgig.example/file/1";
  return {
    ok: true,
    url,
    remoteId: "1",
    size: 10,
    md5: null,
    verified: "size",
    skipped: false,
    skipReason: null,
    ...change,
  };
}

export function view(code: ErrorCode): ErrorView {
  return errorView(
    new AppError(code, `it was ${code}`, { hint: "look", hostMessage: "„Ne“", url: "https://x.example" }),
  );
}

export function failure(code: ErrorCode): Outcome {
  return { ok: false, error: view(code) };
}

export function idOf(added: Added | undefined): string {
  if (added === undefined || added.kind === "running_elsewhere") throw new Error("no upload");
  return added.id;
}
