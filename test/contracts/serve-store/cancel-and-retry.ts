import { describe, expect, test } from "bun:test";
import type { Phase } from "../../../src/hosts/phase.ts";
import type { Json } from "../../../src/json.ts";
import { failure, file, success, view } from "../job-store.ts";
import { A, B, NONE, type ServeScene, to } from "./scene.ts";

/** What people do to jobs. */
export function describeCancelAndRetry(scene: ServeScene): void {
  describe("cancelling a job", () => {
    test("ends what has not begun, and tells what runs", async () => {
      const error = view("cancelled");
      const uploads = [to(A, { name: "done" }), to(A, { name: "running" }), to(A, { name: "queued" }), to(B)];
      const id = await scene.added({ uploads });
      const [done, running, , resting] = (await scene.job(id)).uploads;
      const first = await scene.claimed();
      await scene.store.finish(first.id, first.fence, success(), 1);
      const second = await scene.claimed();
      await scene.store.rest(resting?.id ?? "", scene.clock + 1, "account");
      scene.clock += 5;
      expect(await scene.store.cancelJob(id, error)).toMatchObject([{ id: running?.id, state: "running" }]);
      expect((await scene.job(id)).uploads).toMatchObject([
        { id: done?.id, state: "done", outcome: success() },
        { state: "running", outcome: { ok: false, error } },
        { state: "cancelled", outcome: { ok: false, error }, finishedAt: scene.clock, dueAt: null, waitingFor: null },
        { state: "cancelled", outcome: { ok: false, error }, finishedAt: scene.clock, dueAt: null, waitingFor: null },
      ]);
      expect(await scene.listed({ state: "running" })).toEqual([id]);
      await scene.store.finishCancelled(second.id, second.fence, error, 2);
      expect(await scene.store.get(second.id)).toMatchObject({
        state: "cancelled",
        finishedAt: scene.clock,
        seconds: 2,
      });
      expect(await scene.listed({ state: "cancelled" })).toEqual([id]);
      expect(await scene.store.cancelJob(id, error)).toEqual([]);
      expect(await scene.store.claim(scene.runId, NONE)).toBeNull();
    });

    test("comes too late for an upload that ends well", async () => {
      const id = await scene.added();
      const { id: uploadId, fence } = await scene.claimed();
      await scene.store.cancelJob(id, view("cancelled"));
      await scene.store.finish(uploadId, fence, success(), 1);
      expect(await scene.onlyUpload(id)).toMatchObject({ state: "done", outcome: success() });
    });
  });

  describe("trying a job again", () => {
    test("queues what did not succeed, from round 0, at its old place", async () => {
      const id = await scene.added({
        uploads: ["done", "failed", "unknown", "cancelled"].map((name) => to(A, { name })),
      });
      await scene.added();
      const outcomes = [success(), failure("network"), failure("outcome_unknown"), failure("cancelled")];
      for (const [index, outcome] of outcomes.entries()) {
        let { id: uploadId, fence } = await scene.claimed();
        if (index === 1) {
          await scene.store.postpone(uploadId, fence, scene.clock, "retry", view("network"));
          fence = (await scene.claimed()).fence;
        }
        await scene.store.savePhase(uploadId, fence, "sending", { index });
        await scene.store.finish(uploadId, fence, outcome, 1);
      }
      expect(await scene.listed({ state: "unknown" })).toEqual([id]);
      expect(await scene.store.retryJob(scene.runId, id)).toBe(true);
      expect(await scene.store.retryJob(scene.runId, id)).toBe(false);
      const { uploads } = await scene.job(id);
      expect(uploads[0]).toMatchObject({ state: "done", outcome: success() });
      for (const [index, each] of uploads.slice(1).entries()) {
        expect(each).toMatchObject({ state: "queued", outcome: null, finishedAt: null, rounds: 0, crashes: 0 });
        expect(each).toMatchObject({ phase: "sending", checkpoint: { index: index + 1 } });
      }
      expect(await scene.listed({ state: "queued" })).toContain(id);
      expect((await scene.claimed()).name).toBe("failed");
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
        const id = await scene.added();
        const { id: uploadId, fence } = await scene.claimed();
        await scene.store.savePhase(uploadId, fence, phase, checkpoint);
        await scene.store.finish(uploadId, fence, failure("outcome_unknown"), 1);
        expect((await scene.onlyUpload(id)).phase).toBe(phase);
        await scene.store.retryJob(scene.runId, id);
        expect(await scene.onlyUpload(id)).toMatchObject({ phase: from, checkpoint });
        await scene.store.cancelJob(id, view("cancelled"));
      }
    });

    test("takes the file as it is now, and leaves what a host has of another content", async () => {
      const id = await scene.added({ uploads: ["done", "begun", "asked", "new"].map((name) => to(A, { name })) });
      const begin = async (phase: Phase, outcome = failure("source")) => {
        const { id: uploadId, fence } = await scene.claimed();
        await scene.store.savePhase(uploadId, fence, phase, { slug: phase });
        await scene.store.finish(uploadId, fence, outcome, 1);
      };
      await begin("committed", success());
      await begin("stored");
      await begin("committing");
      await scene.store.cancelJob(id, view("cancelled"));
      const known = { size: 10, mtimeNs: "1800000000123456789" };
      const same = { ...known, inode: "7:12" };
      await scene.store.retryJob(scene.runId, id, same);
      expect((await scene.job(id)).uploads).toMatchObject([
        { source: file("/file") },
        { source: same, phase: "stored", checkpoint: { slug: "stored" } },
        { source: file("/file"), phase: "committing" },
        { source: same, phase: "new" },
      ]);
      await scene.store.cancelJob(id, view("cancelled"));
      const other = { ...known, inode: "7:112" };
      await scene.store.retryJob(scene.runId, id, other);
      expect((await scene.job(id)).uploads).toMatchObject([
        { source: file("/file"), state: "done" },
        { source: other, phase: "new", checkpoint: null },
        { source: file("/file"), phase: "committing", checkpoint: { slug: "committing" } },
        { source: other, phase: "new", checkpoint: null },
      ]);
    });

    test("still waits for its time", async () => {
      const at = scene.clock + 10_000;
      const id = await scene.added({ notBefore: at });
      await scene.store.cancelJob(id, view("cancelled"));
      expect(await scene.store.retryJob(scene.runId, id)).toBe(true);
      expect(await scene.onlyUpload(id)).toMatchObject({ state: "queued", dueAt: at, waitingFor: "notBefore" });
      expect(await scene.store.claim(scene.runId, NONE)).toBeNull();
      scene.clock = at;
      const { id: uploadId, fence } = await scene.claimed();
      await scene.store.finish(uploadId, fence, failure("host_rejected"), 1);
      expect(await scene.store.retryJob(scene.runId, id)).toBe(true);
      expect(await scene.onlyUpload(id)).toMatchObject({ dueAt: null, waitingFor: null });
    });

    test("waits anew for its file to stand still, unless it once has", async () => {
      const stamp = { size: 11, mtimeNs: "1800000000123456789", inode: "7:12" };
      const id = await scene.added({ settleMs: 10_000 });
      scene.clock += 9_000;
      await scene.store.cancelJob(id, view("cancelled"));
      expect(await scene.store.retryJob(scene.runId, id, stamp)).toBe(true);
      expect(await scene.onlyUpload(id)).toMatchObject({ dueAt: scene.clock + 10_000, waitingFor: "settle" });
      scene.clock += 10_000;
      const { id: uploadId, fence } = await scene.claimed();
      await scene.store.stoodStill(uploadId);
      await scene.store.finish(uploadId, fence, failure("host_rejected"), 1);
      expect(await scene.store.retryJob(scene.runId, id, stamp)).toBe(true);
      expect(await scene.onlyUpload(id)).toMatchObject({ dueAt: null, waitingFor: null });
    });

    test("is not possible while it runs or after it is done", async () => {
      const running = await scene.added();
      const upload = await scene.claimed();
      const queued = await scene.added();
      expect(await scene.store.retryJob(scene.runId, running)).toBe(false);
      expect(await scene.store.retryJob(scene.runId, queued)).toBe(false);
      await scene.store.finish(upload.id, upload.fence, success(), 1);
      expect(await scene.store.retryJob(scene.runId, running)).toBe(false);
    });

    test("goes into the run of the server that is asked", async () => {
      const id = await scene.ended(failure("host_rejected"));
      const next = await scene.store.createRun({});
      expect(await scene.store.retryJob(next, id)).toBe(true);
      await scene.store.dropRun(next);
      expect(await scene.store.claim(scene.runId, NONE)).toBeNull();
      expect(await scene.store.claim(next, NONE)).toMatchObject({ name: "file.bin", runId: next });
    });
  });
}
