import { expect, test } from "bun:test";
import type { ServerEvent } from "../../src/core/serving/jobs.ts";
import { createEventLog } from "../../src/server/event-log.ts";
import { eventStream } from "../../src/server/event-stream.ts";
import { view } from "../outbox/fixture.ts";

const MANY = 2000;
const LARGE = { labels: { note: "x".repeat(1000) } };

function stage() {
  let tell = (_: ServerEvent) => {};
  const subscribe = (listener: typeof tell) => {
    tell = listener;
    return () => {};
  };
  const log = createEventLog({ subscribe }, MANY);
  const change = () => {
    for (let n = 0; n < MANY; n += 1) tell({ type: "job.state", job: view(LARGE), jobPath: "/srv/x" });
  };
  const listen = (first: () => ReturnType<typeof log.after>) =>
    eventStream({ log, wanted: () => true, first, heartbeatMs: 60_000, ended: () => {} });
  return { log, change, listen };
}

test("a reader that comes back gets all that it has missed, however much that is", async () => {
  const { log, change, listen } = stage();
  using _ = log;
  const seen = log.last();
  change();
  const stream = listen(() => log.after(seen));
  log.end();
  const text = await new Response(stream).text();
  expect(text.split("\nevent: job.state\n").length - 1).toBe(MANY);
});

test("and is dropped when it does not read on", async () => {
  const { log, change, listen } = stage();
  using _ = log;
  change();
  const stream = listen(() => log.after(-1));
  change();
  await expect(new Response(stream).text()).rejects.toThrow("too slow");
});
