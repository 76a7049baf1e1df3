import { JOB_STATES } from "../../core/serve-store.ts";
import { AppError } from "../../errors.ts";
import { readCount, readLabels } from "../argv/read-values.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { jobLine } from "../output/job-lines.ts";
import { SERVER_OPTIONS } from "../server/find-server.ts";
import { asJob } from "../server/server-answers.ts";
import { openServer, type ServerClient } from "../server/server-client.ts";

/** The server gives no more at a time. */
const MOST_ON_A_PAGE = 1000;

export const jobsList = defineCommand({
  name: "jobs list",
  summary: "list the jobs of a server",
  details: ["The newest stand first. JSON has each job as the server's API gives it."],
  examples: [
    ["hoist jobs list", "the newest hundred"],
    ["hoist jobs list --state failed --json", "what failed, for a program"],
    ["hoist jobs list --account ulozto --label build=42 -n 1000", "filters, all of which must hold"],
  ],
  options: {
    state: { type: "choice", choices: JOB_STATES, summary: "jobs in this state" },
    account: { type: "value", hint: "NAME", summary: "jobs with an upload to this account" },
    label: { type: "list", hint: "KEY=VALUE", summary: "jobs with this label" },
    last: { type: "value", short: "n", hint: "N", summary: "the newest N of these (default: 100)" },
    format: { type: "choice", choices: ["text", "json"], default: "text", summary: "text or json" },
    json: { type: "flag", summary: "the same as --format json" },
    ...SERVER_OPTIONS,
  },
  async run(context, values) {
    const query = new URLSearchParams();
    if (values.state !== undefined) query.set("state", values.state);
    if (values.account !== undefined) query.set("account", values.account);
    for (const [key, value] of Object.entries(readLabels(values.label))) query.append(`label.${key}`, value);
    const last = readCount("-n", values.last, { min: 1, max: 1_000_000_000 }) ?? 100;
    const client = await openServer(context, values.server);
    let found = false;
    for await (const value of pages(client, query, last)) {
      found = true;
      show(value, values.json || values.format === "json", context);
    }
    if (!found) context.out.note("there are no such jobs");
    return 0;
  },
});

/** The newest `count` jobs, as the server writes them. */
async function* pages(client: ServerClient, query: URLSearchParams, count: number): AsyncGenerator<unknown> {
  let left = count;
  for (let next: string | null = null; left > 0; ) {
    const page = new URLSearchParams(query);
    page.set("limit", String(Math.min(left, MOST_ON_A_PAGE)));
    if (next !== null) page.set("after", next);
    const answer = pageOf(await client.json({ method: "GET", path: "/v1/jobs", query: page }));
    yield* answer.jobs;
    left -= answer.jobs.length;
    if (answer.next === null || answer.jobs.length === 0) return;
    next = answer.next;
  }
}

function pageOf(value: unknown): { readonly jobs: readonly unknown[]; readonly next: string | null } {
  if (typeof value === "object" && value !== null && "jobs" in value && Array.isArray(value.jobs)) {
    return { jobs: value.jobs, next: "next" in value && typeof value.next === "string" ? value.next : null };
  }
  throw new AppError("host_protocol", "the server's answer is no list of jobs");
}

function show(value: unknown, asJson: boolean, { out }: CommandContext): void {
  if (asJson) out.json(value);
  else out.print(jobLine(asJob(value)));
}
