import { describe, expect, test } from "bun:test";
import { failure, file, success, upload, view } from "../job-store.ts";
import { A, B, NONE, newJob, type ServeScene, to } from "./scene.ts";

/** What a new server finds, and what the command line does not take from it. */
export function describeTakeover(scene: ServeScene): void {
  describe("a new run takes jobs over", () => {
    const adopt = async () => {
      const next = await scene.store.createRun({});
      const { crashed, untold } = await scene.store.adoptJobs(next, NONE);
      expect(crashed).toEqual([]);
      return { next, ended: untold.map(({ id }) => id) };
    };

    test("in their order, with what was stopped and what rests", async () => {
      const stopped = await scene.added({ uploads: [to(A, { name: "1" }), to(B, { name: "2" })] });
      const resting = await scene.added({ notBefore: scene.clock + 5 });
      const blocked = await scene.added({ uploads: [to(A, { name: "3" })] });
      const first = await scene.claimed();
      await scene.store.savePhase(first.id, first.fence, "sending", { slug: "s" });
      await scene.store.interrupt(first.id, first.fence, view("cancelled"), 2);
      expect(await scene.listed({ state: "queued" })).toEqual([blocked, stopped]);
      await scene.store.rest((await scene.onlyUpload(blocked)).id, null, "captcha");
      const { next, ended } = await adopt();
      // No crash of this process takes the jobs with it.
      await scene.store.dropRun(next);
      expect(ended).toEqual([]);
      expect(await scene.store.claim(scene.runId, NONE)).toBeNull();
      expect(await scene.onlyUpload(resting)).toMatchObject({
        runId: next,
        dueAt: scene.clock + 5,
        waitingFor: "notBefore",
      });
      expect(await scene.onlyUpload(blocked)).toMatchObject({ runId: next, waitingFor: null });
      expect(await scene.store.claim(next, NONE)).toMatchObject({
        id: first.id,
        phase: "sending",
        checkpoint: { slug: "s" },
        outcome: null,
        seconds: 2,
      });
      expect(await scene.store.claim(next, NONE)).toMatchObject({ name: "2" });
      expect(await scene.store.claim(next, NONE)).toMatchObject({ name: "3" });
      expect((await scene.job(stopped)).uploads.map(({ crashes }) => crashes)).toEqual([0, 0]);
    });

    test("without the devices of their files, which may be numbered anew", async () => {
      const done = await scene.ended();
      const waiting = await scene.added();
      const spooled = await scene.added({ source: { ...file("-"), inode: null, mtimeNs: null, spool: "/spool/1" } });
      await adopt();
      await adopt();
      expect((await scene.onlyUpload(waiting)).source).toEqual({ ...file("/file"), inode: "0:12" });
      expect((await scene.onlyUpload(spooled)).source.inode).toBeNull();
      expect((await scene.onlyUpload(done)).source).toEqual(file("/file"));
    });

    test("what has not begun follows the name of an account that is another one now", async () => {
      const other = `${A}2`;
      const now = [
        { name: "uploadgig", host: "uploadgig", key: other },
        { name: "second", host: "ulozto", key: B },
      ];
      const fresh = await scene.added();
      const timed = await scene.added({ notBefore: scene.clock + 5 });
      const [failed, sending, begun] = [await scene.added(), await scene.added(), await scene.added()];
      const served = await scene.added({ uploads: [to(B)] });
      const elsewhere = await scene.added({ uploads: [to("x", { host: "ulozto" })] });
      for (const [id, phase, checkpoint] of [
        [failed, "preparing", null],
        [sending, "sending", null],
        [begun, "preparing", { slug: "s" }],
      ] as const) {
        // Those before it are out of the way.
        const { id: first } = await scene.onlyUpload(fresh);
        await scene.store.rest(first, scene.clock + 1, "retry");
        const { id: upload, fence } = await scene.claimed(new Set([B, "x"]));
        expect((await scene.store.jobOfUpload(upload))?.id).toBe(id);
        await scene.store.savePhase(upload, fence, phase, checkpoint);
        await scene.store.postpone(upload, fence, scene.clock + 60_000, "retry", view("network"));
      }
      expect(await scene.store.followAccounts(scene.runId, now, timed)).toEqual(new Map([["uploadgig", 1]]));
      expect(await scene.store.followAccounts(scene.runId, now)).toEqual(new Map([["uploadgig", 2]]));
      expect(await scene.store.followAccounts(scene.runId, now)).toEqual(new Map());
      const keys = await Promise.all(
        [fresh, timed, failed, sending, begun, served, elsewhere].map(async (id) => {
          const { accountKey, waitingFor } = await scene.onlyUpload(id);
          return [accountKey, waitingFor];
        }),
      );
      expect(keys).toEqual([
        [other, null],
        [other, "notBefore"],
        [other, null],
        [A, "retry"],
        [A, "retry"],
        [B, null],
        ["x", null],
      ]);
      expect(await scene.onlyUpload(failed)).toMatchObject({ phase: "new", outcome: null, rounds: 0, dueAt: null });
    });

    test("by the thousand", async () => {
      await scene.add(...Array.from({ length: 1_050 }, () => newJob()));
      const { next } = await adopt();
      expect(await scene.store.queued(scene.runId)).toEqual(new Map());
      expect(await scene.store.queued(next)).toEqual(new Map([[A, 1_050]]));
    });

    test("and hears of those whose end was not told", async () => {
      const told = await scene.ended();
      await scene.store.jobTold(told);
      const untold = await scene.ended(failure("network"));
      const running = await scene.added();
      await scene.store.jobTold(running);
      expect((await adopt()).ended).toEqual([untold]);
      await scene.store.jobTold(untold);
      const { next, ended: rest } = await adopt();
      expect(rest).toEqual([]);
      await scene.store.retryJob(next, untold);
      const again = await scene.store.claim(next, NONE);
      await scene.store.finish(again?.id ?? "", again?.fence ?? 0, success(), 1);
      await scene.store.cancelJob(running, view("cancelled"));
      expect((await adopt()).ended).toEqual([untold, running]);
    });

    test("and keeps the destinations of a job together", async () => {
      const id = await scene.added({ uploads: [to(A), to(B), to(A, { folder: null })] });
      const first = await scene.claimed();
      await scene.store.finish(first.id, first.fence, success(), 1);
      await adopt();
      const ids = (await scene.job(id)).uploads.map((each) => each.id);
      for (const each of ids) expect((await scene.store.siblings(each)).map((sibling) => sibling.id)).toEqual(ids);
    });
  });

  describe("the command line", () => {
    test("neither lists, takes, drops nor tells uploads of jobs", async () => {
      const failed = await scene.ended(failure("network"));
      const lost = await scene.ended(failure("outcome_unknown"));
      const stopped = await scene.added();
      const { id, fence } = await scene.claimed();
      await scene.store.interrupt(id, fence, null, 1);
      const queued = await scene.added();
      const before = await Promise.all([failed, lost, stopped, queued].map((each) => scene.job(each)));
      const uploads = before.flatMap((each) => each.uploads);
      await scene.store.recover(NONE);
      expect(await Array.fromAsync(scene.store.resumable())).toEqual([]);
      expect(await scene.store.untold()).toEqual([]);
      const run = await scene.store.createRun({});
      const ids = uploads.map((each) => each.id);
      expect(await scene.store.requeue(run, ids)).toEqual([]);
      for (const each of ids) expect(await scene.store.drop(each)).toBe(false);
      const added_ = await scene.store.addUploads(run, [upload()]);
      expect(added_.map(({ kind }) => kind)).toEqual(["new"]);
      await scene.store.removeJob(failed);
      expect(await Array.fromAsync(scene.store.resumable())).toEqual([]);
      expect(await Promise.all([lost, stopped, queued].map((each) => scene.job(each)))).toEqual(before.slice(1));
    });

    test("keeps its own uploads from a server", async () => {
      const run = await scene.store.createRun({});
      await scene.store.addUploads(run, [upload()]);
      await scene.store.openRun(run);
      expect((await scene.store.adoptJobs(scene.runId, NONE)).untold).toEqual([]);
      expect(await scene.store.claim(scene.runId, NONE)).toBeNull();
      const [only] = await Array.fromAsync(scene.store.uploadsOf(run));
      await scene.store.rest(only?.id ?? "", scene.clock + 1, "account");
      expect(await scene.store.jobOfUpload(only?.id ?? "")).toBeNull();
      expect(await scene.store.claim(run, NONE)).toMatchObject({ id: only?.id });
    });
  });
}
