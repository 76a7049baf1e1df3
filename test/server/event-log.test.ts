import { expect, test } from "bun:test";
import type { ServerEvent } from "../../src/core/serving/jobs.ts";
import { createEventLog } from "../../src/server/event-log.ts";
import { view } from "../outbox/fixture.ts";

/** A run of a server that starts at `startMs` and in which so many jobs change. */
function run(startMs: number, changes: number, kept = 100) {
  let tell = (_: ServerEvent) => {};
  const subscribe = (listener: typeof tell) => {
    tell = listener;
    return () => {};
  };
  const log = createEventLog({ subscribe }, kept, () => startMs);
  for (let n = 1; n <= changes; n += 1) tell({ type: "job.state", job: view({ id: `job-${n}` }), jobPath: "/srv/x" });
  return log;
}

const jobsAfter = (log: ReturnType<typeof run>, id: number) => log.after(id).events.map(({ job }) => job);

test("goes on after an event of this run, completely as long as it is kept", () => {
  using log = run(1000, 5, 3);
  const last = log.last();
  expect(jobsAfter(log, last)).toEqual([]);
  expect(log.after(last).complete).toBe(true);
  expect(jobsAfter(log, last - 3)).toEqual(["job-3", "job-4", "job-5"]);
  expect(log.after(last - 3).complete).toBe(true);
  expect(log.after(last - 4)).toMatchObject({ complete: false, events: { length: 3 } });
});

test.each([
  ["a second later", 2000],
  ["in the next millisecond", 1001],
  ["with the clock set back", 1],
])("an id of the run before, started again %s, is none of this run", (_, startMs) => {
  using before = run(1000, 500);
  using log = run(startMs, 3);
  for (const id of [before.last(), before.last() - 400, -1]) {
    expect(jobsAfter(log, id)).toEqual(["job-1", "job-2", "job-3"]);
    expect(log.after(id).complete).toBe(false);
  }
});
