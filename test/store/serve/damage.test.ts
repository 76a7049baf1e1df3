import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { toAppError } from "../../../src/errors.ts";
import { openStore } from "../../../src/store/open.ts";
import { NO_LIMIT, newJob } from "../../contracts/serve-store/scene.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

test.each([
  `UPDATE jobs SET after = '{"do":"format","directory":"/secret"}'`,
  "UPDATE jobs SET after = 'keep'",
  "UPDATE jobs SET resumable = 'sometimes'",
  "UPDATE jobs SET settle_ms = -1",
  "UPDATE uploads SET waiting_for = 'godot'",
  "UPDATE uploads SET rounds = -1",
  "DELETE FROM uploads",
  "UPDATE request_keys SET job_ids = '{}'",
])("%s is told as damage, without its content", async (edit) => {
  using directory = temporaryDirectory();
  await using store = openStore({ directory: directory.path, command: "hoist test" });
  const runId = await store.createRun({});
  const job = newJob();
  const key = { scope: "token", key: "k", hash: null };
  await store.addJobs(runId, [job], key, NO_LIMIT);
  {
    using db = new Database(join(directory.path, "hoist.db"));
    db.run(edit);
  }
  const read = () =>
    edit.includes("request_keys") ? store.addJobs(runId, [newJob()], key, NO_LIMIT) : store.job(job.id);
  const error = await read().then(() => null, toAppError);
  expect(error).toMatchObject({ code: "state" });
  expect(error?.message).toContain("is damaged");
  expect(error?.message).not.toMatch(/secret|godot|format|sometimes/);
});
