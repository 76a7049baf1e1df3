import { describe, expect, test } from "bun:test";
import type { NewJob } from "../../../src/core/serve-store.ts";
import { failure, view } from "../job-store.ts";
import { DAY_MS, NO_LIMIT, newJob, type ServeScene } from "./scene.ts";

/** Requests that are known already, and those that there is no room for. */
export function describeRequestKeys(scene: ServeScene): void {
  describe("a request key", () => {
    const key = { scope: "token", key: "k", hash: "h" };
    const submit = (given: typeof key | { scope: string; key: string; hash: null }, ...jobs: readonly NewJob[]) =>
      scene.store.addJobs(scene.runId, jobs, given, NO_LIMIT);

    test("finds the jobs of the first request", async () => {
      const jobs = [newJob(), newJob()];
      expect(await submit(key, ...jobs)).toMatchObject({ kind: "added" });
      const known = { kind: "known", jobIds: jobs.map(({ id }) => id) } as const;
      expect(await submit(key, newJob())).toEqual(known);
      expect(await submit({ ...key, hash: null }, newJob())).toEqual(known);
      expect(await submit({ ...key, hash: "other" }, newJob())).toEqual({ kind: "conflict" });
      expect(await submit({ ...key, scope: "another token" }, newJob())).toMatchObject({ kind: "added" });
      expect(await scene.listed()).toHaveLength(3);
    });

    test("without a hash is the same for any request", async () => {
      const first = newJob();
      await submit({ ...key, hash: null }, first);
      expect(await submit(key, newJob())).toEqual({ kind: "known", jobIds: [first.id] });
    });

    test("is kept for 30 days, whatever becomes of the jobs", async () => {
      const first = newJob();
      await submit(key, first);
      await scene.store.cancelJob(first.id, view("cancelled"));
      await scene.store.removeJob(first.id);
      scene.clock += 30 * DAY_MS - 1;
      await scene.store.forget(scene.clock);
      expect(await submit(key, newJob())).toEqual({ kind: "known", jobIds: [first.id] });
      scene.clock += 1;
      const second = newJob();
      expect(await submit(key, second)).toMatchObject({ kind: "added" });
      expect(await submit(key, newJob())).toEqual({ kind: "known", jobIds: [second.id] });
      scene.clock += 30 * DAY_MS;
      await scene.store.forget(0);
      expect(await submit(key, newJob())).toMatchObject({ kind: "added" });
    });

    test("of fifty callers at once makes one set of jobs", async () => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => submit(key, newJob(), newJob())));
      const first = await scene.listed();
      expect(first).toHaveLength(2);
      expect(answers.filter(({ kind }) => kind === "added")).toHaveLength(1);
      const known = { kind: "known", jobIds: first.toReversed() } as const;
      expect(answers.filter(({ kind }) => kind === "known")).toEqual(Array.from({ length: 49 }, () => known));
    });

    test("is known, too, when the queue is full", async () => {
      const first = newJob();
      await submit(key, first);
      expect(await scene.store.addJobs(scene.runId, [newJob()], key, 1)).toEqual({ kind: "known", jobIds: [first.id] });
      expect(await scene.store.addJobs(scene.runId, [newJob()], { ...key, key: "k2" }, 1)).toEqual({ kind: "full" });
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
      scene.store.addJobs(scene.runId, jobs, key, NO_LIMIT);

    test("keeps its name from another one, whatever that one's files", async () => {
      const [a, b] = [newJob(), newJob()];
      expect(await submit(file("a", "h1"), a)).toMatchObject({ kind: "added" });
      expect(await submit(file("b", "h1"), b)).toMatchObject({ kind: "added" });
      expect(await submit(file("a", "h1"), newJob())).toEqual({ kind: "known", jobIds: [a.id] });
      expect(await scene.store.earlierJobs(file("b", "h1"))).toEqual({ kind: "known", jobIds: [b.id] });
      for (const name of ["a", "b", "c"]) {
        expect(await scene.store.earlierJobs(file(name, "h2"))).toEqual({ kind: "conflict" });
        expect(await submit(file(name, "h2"), newJob())).toEqual({ kind: "conflict" });
      }
      expect(await submit(file("c", "h2", "another"), newJob())).toMatchObject({ kind: "added" });
      expect(await submit({ ...file("d", "h2"), scope: "hook:y" }, newJob())).toMatchObject({ kind: "added" });
      const { request: _, ...unnamed } = file("b", "h2");
      expect(await scene.store.addJobs(scene.runId, [newJob()], unnamed, NO_LIMIT)).toEqual({
        kind: "known",
        jobIds: [b.id],
      });
    });

    test("has no name before it has made a job, nor after 30 days", async () => {
      expect(await scene.store.addJobs(scene.runId, [newJob()], file("a", "h1"), 0)).toEqual({ kind: "full" });
      expect(await scene.store.earlierJobs(file("a", "h2"))).toBeNull();
      expect(await submit(file("b", "h2"), newJob())).toMatchObject({ kind: "added" });
      scene.clock += 30 * DAY_MS - 1;
      expect(await submit(file("c", "h1"), newJob())).toEqual({ kind: "conflict" });
      scene.clock += 1;
      expect(await submit(file("c", "h1"), newJob())).toMatchObject({ kind: "added" });
      expect(await submit(file("d", "h2"), newJob())).toEqual({ kind: "conflict" });
    });

    test("is known after an older version that did not name it", async () => {
      const first = newJob();
      await scene.store.addJobs(scene.runId, [first], { scope: "hook:x", key: "a", hash: null }, NO_LIMIT);
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
    await scene.add(newJob(), newJob({ notBefore: scene.clock + 1 }));
    expect(await scene.store.addJobs(scene.runId, [newJob(), newJob()], null, 3)).toEqual({ kind: "full" });
    expect(await scene.store.addJobs(scene.runId, [newJob()], null, 3)).toMatchObject({ kind: "added" });
    const { id, fence } = await scene.claimed();
    expect(await scene.store.addJobs(scene.runId, [newJob()], null, 3)).toEqual({ kind: "full" });
    await scene.store.finish(id, fence, failure("host_rejected"), 1);
    expect(await scene.store.addJobs(scene.runId, [newJob()], null, 3)).toMatchObject({ kind: "added" });
  });
}
