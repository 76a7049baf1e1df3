import { describe, expect, test } from "bun:test";
import { failure, file, success, view } from "../job-store.ts";
import { A, newJob, type ServeScene } from "./scene.ts";

/** What goes with time, or because somebody says so. */
export function describeForgetting(scene: ServeScene): void {
  describe("forgetting", () => {
    test("takes only jobs that have ended, and leaves their uploads in the history", async () => {
      const done = await scene.ended(success({ md5: "abc" }));
      const [{ id: uploadId } = { id: "" }] = (await scene.job(done)).uploads;
      const running = await scene.added();
      await scene.claimed();
      const queued = await scene.added();
      expect(await scene.store.removeJob(running)).toBe(false);
      expect(await scene.store.removeJob(queued)).toBe(false);
      expect(await scene.store.removeJob(done)).toBe(true);
      expect(await scene.store.removeJob(done)).toBe(false);
      expect(await scene.store.job(done)).toBeNull();
      expect(await scene.store.jobOfUpload(uploadId)).toBeNull();
      expect(await scene.listed()).toEqual([queued, running]);
      expect((await scene.store.depth()).byState).toMatchObject({ done: 0, running: 1, queued: 1 });

      expect((await Array.fromAsync(scene.store.history({}))).map(({ id }) => id)).toEqual([uploadId]);
      const place = { accountKey: A, folder: "/Backups" };
      expect(await scene.store.findDone({ ...place, source: file("/file") })).toMatchObject({ id: uploadId });
      expect(await scene.store.findDoneByContent({ ...place, size: 10, md5: "abc" })).toMatchObject({ id: uploadId });
      expect(await scene.store.siblings(uploadId)).toHaveLength(1);
    });

    test("the newest job leaves its place to none", async () => {
      const id = await scene.ended();
      const [{ id: uploadId } = { id: "" }] = (await scene.job(id)).uploads;
      await scene.store.removeJob(id);
      await scene.added();
      expect((await scene.store.siblings(uploadId)).map((each) => each.id)).toEqual([uploadId]);
      expect(await scene.store.jobOfUpload(uploadId)).toBeNull();
    });

    test("by age tells which spooled files are left over", async () => {
      const spooled = (n: number) => ({ path: "-", size: 3, mtimeNs: null, inode: null, spool: `/spool/${n}` });
      await scene.ended(failure("network"), { source: spooled(1) });
      await scene.ended(success());
      const at = scene.clock;
      scene.clock += 1;
      const young = await scene.ended(failure("network"), { source: spooled(2) });
      const old = await scene.added({ source: spooled(3) });
      scene.clock += 1;
      expect(await scene.store.forget(at)).toEqual([]);
      expect(await scene.store.forget(at + 1)).toEqual(["/spool/1"]);
      expect(await scene.listed()).toEqual([old, young]);
      await scene.store.retryJob(scene.runId, young);
      expect(await scene.store.forget(scene.clock)).toEqual([]);
      expect(await scene.listed()).toEqual([old, young]);
    });

    test("by the thousand is complete", async () => {
      await scene.add(...Array.from({ length: 1_100 }, () => newJob()));
      for await (const _ of scene.store.endQueued(scene.runId, null, "failed", view("host_auth"))) void _;
      expect((await scene.store.depth()).byState.failed).toBe(1_100);
      await scene.store.forget(scene.clock + 1);
      expect(await scene.listed()).toEqual([]);
      expect((await scene.store.depth()).byState.failed).toBe(0);
      expect(await Array.fromAsync(scene.store.history({}))).toHaveLength(1_100);
    });
  });
}
