import { expect, test } from "bun:test";
import { join } from "node:path";
import { syncLog } from "../../src/store/log-sync.ts";
import { temporaryDirectory } from "../support/temporary.ts";

test("all who ask during one wait share the next", async () => {
  using directory = temporaryDirectory();
  using log = syncLog(directory.file("hoist.db-wal", "frames"));
  const first = log.sync();
  const others = Array.from({ length: 100 }, () => log.sync());
  expect(new Set(others).size).toBe(1);
  expect(others).not.toContain(first);
  await first;
  await Promise.all(others);
  const later = log.sync();
  expect(others).not.toContain(later);
  await later;
});

test("a log that cannot be opened is told, and tried again", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "hoist.db-wal");
  using log = syncLog(path);
  const failures = await Promise.allSettled([log.sync(), log.sync(), log.sync()]);
  for (const failure of failures) expect(failure).toMatchObject({ status: "rejected", reason: { code: "state" } });
  directory.file("hoist.db-wal", "frames");
  await log.sync();
});

test("nothing is waited for where there is no log", async () => {
  using log = syncLog(null);
  await log.sync();
});
