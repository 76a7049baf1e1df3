import { createTally } from "../../core/exit-code.ts";
import { isEnded, type JobView } from "../../core/serving/job-view.ts";
import { exitOfStop } from "../../core/stop.ts";
import { defineCommand } from "../command.ts";
import { jobLine } from "../output/job-lines.ts";
import { SERVER_OPTIONS } from "../server/find-server.ts";
import { recordOf } from "../server/follow-jobs.ts";
import { asJob } from "../server/server-answers.ts";
import { openServer, type ServerClient } from "../server/server-client.ts";
import { serverEvents } from "../server/server-events.ts";

export const jobsWatch = defineCommand({
  name: "jobs watch",
  summary: "show what a server does, as it does it",
  details: [
    "With ids it ends with these jobs, and with the exit code that hoist up would have for them; without, it goes on " +
      "until it is stopped. A server that restarts is waited for. JSON is the data of the server's events.",
  ],
  examples: [
    ["hoist jobs watch", "everything"],
    ["hoist jobs watch 01998d5e-…", "until this job has ended"],
    ["hoist jobs watch --json", "for a program: jobs, progress, accounts"],
  ],
  operands: { usage: "[id]…", min: 0, max: 1000 },
  options: {
    format: { type: "choice", choices: ["text", "json"], default: "text", summary: "text or json" },
    json: { type: "flag", summary: "the same as --format json" },
    ...SERVER_OPTIONS,
  },
  async run(context, { format, json, server }) {
    const { io, operands, out } = context;
    const asJson = json || format === "json";
    const client = await openServer(context, server);
    const ids = new Set(operands);
    const ended = new Map<string, JobView>();
    const shown = new Map<string, string>();

    const see = (job: JobView, value: unknown) => {
      if (ids.size > 0 && !ids.has(job.id)) return;
      if (isEnded(job.state) && ids.size > 0) ended.set(job.id, job);
      const line = jobLine(job);
      const text = asJson ? JSON.stringify(value) : line;
      if (shown.get(job.id) === text) return;
      shown.set(job.id, text);
      if (asJson) out.json(value);
      else out.print(line);
      if (ids.size === 0 && isEnded(job.state)) shown.delete(job.id);
    };

    const [only] = ids.size === 1 ? [...ids] : [null];
    for await (const message of serverEvents(client, only ?? null, io.signal)) {
      if (message.type === "lost") out.note(`${client.where} is gone; waiting for it to come back`);
      if (message.type === "connected") await lookAt(client, ids, ended, see);
      if (message.type === "event" && message.event === "job.state") see(asJob(message.data), message.data);
      else if (message.type === "event" && asJson && isOf(message.data, ids)) out.json(message.data);
      if (ids.size > 0 && ended.size === ids.size) return exitOf([...ended.values()]);
    }
    return exitOfStop(io.signal) ?? 0;
  },
});

/** Where the jobs asked for stand now: an end may have been missed. */
async function lookAt(
  client: ServerClient,
  ids: ReadonlySet<string>,
  ended: ReadonlyMap<string, JobView>,
  see: (job: JobView, value: unknown) => void,
): Promise<void> {
  for (const id of ids) {
    if (ended.has(id)) continue;
    const value = await client.json({ method: "GET", path: `/v1/jobs/${encodeURIComponent(id)}` });
    see(asJob(value), value);
  }
}

/** Whether a progress event is about one of these jobs; accounts are shown when everything is. */
function isOf(data: unknown, ids: ReadonlySet<string>): boolean {
  if (ids.size === 0) return true;
  return typeof data === "object" && data !== null && "job" in data && ids.has(String(data.job));
}

function exitOf(jobs: readonly JobView[]): number {
  const tally = createTally();
  for (const job of jobs) for (const upload of job.uploads) tally.add(recordOf(job, upload, 0, 0));
  return tally.summary(0, null).exit;
}
