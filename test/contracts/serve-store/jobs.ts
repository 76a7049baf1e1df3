import { describe, expect, test } from "bun:test";
import { file, view } from "../job-store.ts";
import { A, B, NO_LIMIT, NOBODY, NONE, newJob, type ServeScene, to } from "./scene.ts";

/** What a server was asked for, and what becomes of it. */
export function describeJobs(scene: ServeScene): void {
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
      await scene.add(given);
      const { uploads, ...rest } = given;
      const found = await scene.job(given.id);
      expect(found).toMatchObject({ ...rest, createdAt: scene.clock });
      expect(found.uploads).toHaveLength(2);
      for (const [index, each] of found.uploads.entries()) {
        expect(each).toMatchObject({
          ...uploads[index],
          runId: scene.runId,
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
        expect(await scene.store.jobOfUpload(each.id)).toEqual(found);
        expect((await scene.store.siblings(each.id)).map(({ id }) => id)).toEqual(found.uploads.map(({ id }) => id));
      }
    });

    test("that nobody has heard of is none", async () => {
      expect(await scene.store.job(NOBODY)).toBeNull();
      expect(await scene.store.jobOfUpload(NOBODY)).toBeNull();
      expect(await scene.store.cancelJob(NOBODY, view("cancelled"))).toEqual([]);
      expect(await scene.store.retryJob(scene.runId, NOBODY)).toBe(false);
      expect(await scene.store.removeJob(NOBODY)).toBe(false);
    });

    test("is claimed in the order of acceptance, destination by destination", async () => {
      await scene.add(newJob({ uploads: [to(A, { name: "1" }), to(B, { name: "2" })] }), newJob({ uploads: [to(A)] }));
      await scene.add(newJob({ uploads: [to(B, { name: "4" })] }));
      expect(await scene.store.queued(scene.runId)).toEqual(
        new Map([
          [B, 2],
          [A, 2],
        ]),
      );
      expect(await scene.store.queued(scene.runId, 1)).toEqual(
        new Map([
          [B, 1],
          [A, 1],
        ]),
      );
      const names: string[] = [];
      for (let next = await scene.claimed(); ; next = await scene.claimed()) {
        names.push(next.name);
        if (names.length === 4) break;
      }
      expect(names).toEqual(["1", "2", "file.bin", "4"]);
      expect(await scene.store.claim(scene.runId, NONE)).toBeNull();
    });

    test("is there whole or not at all", async () => {
      const twice = newJob();
      const key = { scope: "token", key: "k", hash: "h" };
      const broken = scene.store.addJobs(scene.runId, [newJob(), twice, twice], key, NO_LIMIT);
      const fine = scene.store.addJobs(scene.runId, [newJob()], null, NO_LIMIT);
      await expect(broken).rejects.toThrow();
      await fine;
      expect(await scene.listed()).toHaveLength(1);
      expect((await scene.store.depth()).byState.queued).toBe(1);
      expect(await scene.store.addJobs(scene.runId, [twice], key, NO_LIMIT)).toMatchObject({ kind: "added" });
    });

    test("waits for its time, and a file to stand still", async () => {
      const at = scene.clock + 10_000;
      const both = await scene.added({ notBefore: at, settleMs: 2_000.5 });
      const settling = await scene.added({ settleMs: 19_999.5, notBefore: at });
      const past = await scene.added({ notBefore: scene.clock - 1 });
      expect(await scene.onlyUpload(both)).toMatchObject({ dueAt: at, waitingFor: "notBefore" });
      expect(await scene.onlyUpload(settling)).toMatchObject({ dueAt: scene.clock + 20_000, waitingFor: "settle" });
      expect(await scene.onlyUpload(past)).toMatchObject({ dueAt: null, waitingFor: null });
      expect(await scene.store.queued(scene.runId)).toEqual(new Map([[A, 1]]));
      expect((await scene.claimed()).sourceIndex).toBe((await scene.onlyUpload(past)).sourceIndex);
      expect(await scene.store.claim(scene.runId, NONE)).toBeNull();
      expect(await scene.store.nextDue(scene.runId)).toBe(at);
      expect(await scene.listed({ state: "waiting" })).toEqual([settling, both]);

      scene.clock = at;
      expect(await scene.onlyUpload(both)).toMatchObject({ dueAt: null, waitingFor: null });
      expect(await scene.store.queued(scene.runId)).toEqual(new Map([[A, 1]]));
      expect(await scene.listed({ state: "waiting" })).toEqual([settling]);
      expect(await scene.listed({ state: "queued" })).toEqual([both]);
      expect(await scene.store.nextDue(scene.runId)).toBe(at + 10_000);
      expect(await scene.store.jobOfUpload((await scene.claimed()).id)).toMatchObject({ id: both });
      scene.clock += 10_000;
      expect(await scene.store.jobOfUpload((await scene.claimed()).id)).toMatchObject({ id: settling });
      expect(await scene.store.nextDue(scene.runId)).toBeNull();
    });

    test("by the thousand may become due at once", async () => {
      await scene.add(...Array.from({ length: 1_234 }, () => newJob({ notBefore: scene.clock + 1 })));
      expect((await scene.store.depth()).byState).toMatchObject({ waiting: 1_234, queued: 0 });
      scene.clock += 1;
      expect((await scene.store.depth()).byState).toMatchObject({ waiting: 0, queued: 1_234 });
      expect(await scene.store.queued(scene.runId)).toEqual(new Map([[A, 1_234]]));
    });
  });
}
