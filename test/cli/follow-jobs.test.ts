import { expect, test } from "bun:test";
import { createJobFollower } from "../../src/cli/server/follow-jobs.ts";
import type { EngineEvent } from "../../src/core/events.ts";
import { RUNNING } from "./fake-server.ts";

const [upload] = RUNNING.uploads;
if (upload === undefined) throw new Error("no upload");
/** To two folders of one account. */
const job = {
  ...RUNNING,
  uploads: ["a", "b"].map((id) => ({ ...upload, id, folder: `/${id}`, size: 10 })),
};

test.each([
  ["by its id", { upload: "b" }, ["b"]],
  ["by its account alone, of an earlier server", {}, ["a"]],
  ["none that is known", { upload: "c" }, []],
])("progress is of the upload that is meant: %s", (_, meant, moved) => {
  const events: EngineEvent[] = [];
  const follower = createJobFollower([job], (event) => events.push(event));
  follower.begin();
  follower.progress({ job: job.id, account: upload.account, bytes: 10, size: 10, rate: 1, ...meant });
  expect(events.flatMap((event) => (event.type === "progress" ? [event.upload.id] : []))).toEqual(moved);
});
