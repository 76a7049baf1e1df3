import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openStore } from "../../../src/store/open.ts";
import { view } from "../../contracts/job-store.ts";
import { NO_LIMIT, newJob } from "../../contracts/serve-store/scene.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const DAY_MS = 24 * 60 * 60_000;

test("nothing of a server grows for ever", async () => {
  using directory = temporaryDirectory();
  let clock = 1_800_000_000_000;
  await using store = openStore({ directory: directory.path, command: "hoist test", now: () => clock });
  const runId = await store.createRun({});
  await store.addJobs(runId, [newJob()], { scope: "token", key: "k", hash: null }, NO_LIMIT);
  await store.rememberMessage("hook", "1");
  await store.enqueueDelivery({ channel: "callback", url: "https://ci.example/", body: "{}" });
  const claimed = await store.claim(runId, new Set());
  await store.finishCancelled(claimed?.id ?? "", claimed?.fence ?? 0, view("cancelled"), 1);
  for (const { id } of await store.dueDeliveries(9)) await store.settleDelivery(id, null);
  clock += 30 * DAY_MS;
  await store.forget(clock);
  using db = new Database(join(directory.path, "hoist.db"), { readonly: true });
  for (const table of ["jobs", "request_keys", "messages", "deliveries"]) {
    expect([table, db.query(`SELECT count(*) AS n FROM ${table}`).get()]).toEqual([table, { n: 0 }]);
  }
});
