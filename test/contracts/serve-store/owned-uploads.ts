import { describe, expect, test } from "bun:test";
import { failure, file, view } from "../job-store.ts";
import { A, B, NONE, type ServeScene, to } from "./scene.ts";

/** Uploads of jobs that a server runs, or lets rest. */
export function describeOwnedUploads(scene: ServeScene): void {
  describe("an owned upload of a job", () => {
    test("that is postponed keeps its place, its phase and why", async () => {
      const id = await scene.added();
      const later = await scene.added();
      const first = await scene.claimed();
      await scene.store.startAttempt(first.id, first.fence);
      await scene.store.savePhase(first.id, first.fence, "sending", { slug: "s" });
      await scene.store.postpone(first.id, first.fence, scene.clock + 1_000.2, "retry", view("network"), 2.5);
      expect(await scene.onlyUpload(id)).toMatchObject({
        state: "queued",
        phase: "sending",
        checkpoint: { slug: "s" },
        attempts: 1,
        seconds: 2.5,
        dueAt: scene.clock + 1_001,
        waitingFor: "retry",
        rounds: 1,
        outcome: failure("network"),
        finishedAt: null,
      });
      expect(await scene.store.jobOfUpload((await scene.claimed()).id)).toMatchObject({ id: later });
      expect(await scene.store.claim(scene.runId, NONE)).toBeNull();
      await expect(scene.store.savePhase(first.id, first.fence, "new")).rejects.toMatchObject({ code: "state" });
      scene.clock += 1_001;
      const again = await scene.claimed();
      expect(again).toMatchObject({ id: first.id, phase: "sending", checkpoint: { slug: "s" }, outcome: null });
      expect(again.fence).toBeGreaterThan(first.fence);
      await scene.store.postpone(again.id, again.fence, scene.clock + 1, "settle", null);
      expect(await scene.onlyUpload(id)).toMatchObject({
        rounds: 1,
        waitingFor: "settle",
        outcome: null,
        seconds: 2.5,
      });
    });

    test("is not postponed or cancelled by who has lost it", async () => {
      const id = await scene.added();
      const { id: uploadId, fence } = await scene.claimed();
      await expect(scene.store.postpone(uploadId, fence + 1, scene.clock, "retry", null)).rejects.toMatchObject({
        code: "state",
      });
      await expect(scene.store.finishCancelled(uploadId, fence + 1, view("cancelled"), 1)).rejects.toMatchObject({
        code: "state",
      });
      expect(await scene.onlyUpload(id)).toMatchObject({ state: "running", rounds: 0 });
    });
  });

  test("a queued upload rests and wakes without being taken", async () => {
    const id = await scene.added();
    const { id: uploadId } = await scene.onlyUpload(id);
    await scene.store.rest(uploadId, scene.clock + 50.5, "account");
    expect(await scene.onlyUpload(id)).toMatchObject({ dueAt: scene.clock + 51, waitingFor: "account", fence: 0 });
    expect(await scene.store.claim(scene.runId, NONE)).toBeNull();
    expect(await scene.listed({ state: "waiting" })).toEqual([id]);
    await scene.store.rest(uploadId, null, "captcha");
    expect(await scene.onlyUpload(id)).toMatchObject({ dueAt: null, waitingFor: "captcha" });
    expect(await scene.listed({ state: "waiting" })).toEqual([id]);
    await scene.store.rest(uploadId, null, null);
    expect(await scene.listed({ state: "queued" })).toEqual([id]);
    await scene.store.rest(uploadId, null, "captcha");
    expect(await scene.claimed()).toMatchObject({ id: uploadId });
    expect(await scene.onlyUpload(id)).toMatchObject({ state: "running", waitingFor: null });
    await scene.store.rest(uploadId, scene.clock + 50, "account");
    expect(await scene.onlyUpload(id)).toMatchObject({ state: "running", dueAt: null, waitingFor: null });
  });

  test("a job that has stood still waits for that no more, and all that is queued of it takes that file", async () => {
    const id = await scene.added({ settleMs: 5, uploads: [to(A), to(B)] });
    const other = await scene.added({ settleMs: 5 });
    scene.clock += 5;
    const first = await scene.claimed();
    const now = { ...file("/file"), size: 11, inode: "1:2" };
    await scene.store.saveSource(first.id, first.fence, now);
    expect(await scene.job(id)).toMatchObject({ settleMs: 5, uploads: [{ source: now }, { source: file("/file") }] });
    await scene.store.stoodStill(first.id);
    expect(await scene.job(id)).toMatchObject({ settleMs: null, uploads: [{ source: now }, { source: now }] });
    expect(await scene.job(other)).toMatchObject({ settleMs: 5, uploads: [{ source: file("/file") }] });
  });

  test("an upload that failed while it was answered for does not have its body up when it is postponed", async () => {
    const id = await scene.added();
    const { id: uploadId, fence } = await scene.claimed();
    await scene.store.savePhase(uploadId, fence, "finishing");
    await scene.store.postpone(uploadId, fence, scene.clock + 1, "retry", view("rate_limited"));
    expect(await scene.onlyUpload(id)).toMatchObject({ phase: "preparing" });
  });
}
