import { exitCode } from "../../core/exit-code.ts";
import type { JobView } from "../../core/serving/job-view.ts";
import { type ErrorCode, toAppError } from "../../errors.ts";
import { type Command, defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { jobLine, jobLines } from "../output/job-lines.ts";
import { SERVER_OPTIONS } from "../server/find-server.ts";
import { asJob } from "../server/server-answers.ts";
import { type Call, openServer } from "../server/server-client.ts";

interface Action {
  readonly name: "show" | "cancel" | "retry";
  readonly summary: string;
  readonly details: readonly string[];
  readonly examples: readonly (readonly [string, string])[];
  readonly call: (id: string) => Call;
  readonly lines: (job: JobView) => readonly string[];
}

/** A command that does one thing with each of the jobs named. */
function defineJobCommand({ name, summary, details, examples, call, lines }: Action): Command {
  return defineCommand({
    name: `jobs ${name}`,
    summary,
    details,
    examples,
    operands: { usage: "<id>…", min: 1, max: Number.POSITIVE_INFINITY },
    options: {
      format: { type: "choice", choices: ["text", "json"], default: "text", summary: "text or json" },
      json: { type: "flag", summary: "the same as --format json" },
      ...SERVER_OPTIONS,
    },
    async run(context, { format, json, server }) {
      const { operands, out } = context;
      const client = await openServer(context, server);
      return eachOf(operands, context, async (id) => {
        const value = await client.json(call(encodeURIComponent(id)));
        if (json || format === "json") out.json(value);
        else for (const line of lines(asJob(value))) out.print(line);
      });
    },
  });
}

/** A job that is not there, or not in the right state, leaves the others; anything else ends the command. */
async function eachOf(
  ids: readonly string[],
  { out }: CommandContext,
  work: (id: string) => Promise<void>,
): Promise<number> {
  const codes: ErrorCode[] = [];
  for (const id of ids) {
    try {
      await work(id);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code !== "not_found" && error.code !== "conflict") throw error;
      codes.push(error.code);
      out.error(error, id);
    }
  }
  return exitCode(codes, codes.length < ids.length);
}

export const jobsShow = defineJobCommand({
  name: "show",
  summary: "show jobs of a server",
  details: ["JSON is that of the server's API."],
  examples: [
    ["hoist jobs show 01998d5e-…", "what is known of a job"],
    ["hoist jobs show 01998d5e-… --json", "for a program"],
  ],
  call: (id) => ({ method: "GET", path: `/v1/jobs/${id}` }),
  lines: jobLines,
});

export const jobsCancel = defineJobCommand({
  name: "cancel",
  summary: "end jobs that have not ended",
  details: ["What has been uploaded stays where it is."],
  examples: [["hoist jobs cancel 01998d5e-…", "stop it"]],
  call: (id) => ({ method: "POST", path: `/v1/jobs/${id}/cancel` }),
  lines: (job) => [jobLine(job)],
});

export const jobsRetry = defineJobCommand({
  name: "retry",
  summary: "queue the failed uploads of jobs again",
  details: ["Only what failed, was cancelled or has an unknown outcome is repeated; the latter may leave a duplicate."],
  examples: [["hoist jobs retry 01998d5e-…", "once more"]],
  call: (id) => ({ method: "POST", path: `/v1/jobs/${id}/retry` }),
  lines: (job) => [jobLine(job)],
});
