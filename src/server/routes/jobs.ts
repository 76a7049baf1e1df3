import * as v from "valibot";
import { invalidInput } from "../../core/invalid-input.ts";
import { JOB_STATES } from "../../core/serve-store.ts";
import { type AddJob, addJob } from "../../core/serving/add-job.ts";
import { AppError, toAppError } from "../../errors.ts";
import { afterWait, answerJobs, answerSubmitted, applied, json } from "../answer.ts";
import type { ServerDeps } from "../deps.ts";
import { submitterOf } from "../grant.ts";
import { type Submission, throughHook } from "../hook-jobs.ts";
import { parseInput, parseQuery } from "../input.ts";
import { requestKey } from "../request-key.ts";
import type { Call, Route } from "../route.ts";
import { jobOrGroupView, jobsPage, jobViewSchema } from "../schemas.ts";

const MOST_ON_A_PAGE = 1000;

const limit = v.pipe(
  v.string(),
  v.regex(/^[1-9]\d{0,8}$/, "must be a whole number from 1 to 1000"),
  v.transform((text) => Math.min(Number(text), MOST_ON_A_PAGE)),
);

const labels = v.record(v.string(), v.string());

/** The query of `GET /v1/jobs`. */
const listQuery = v.strictObject({
  state: v.optional(v.picklist(JOB_STATES)),
  account: v.optional(v.pipe(v.string(), v.maxLength(255))),
  limit: v.optional(limit, "100"),
  after: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(512))),
  labels: v.optional(labels, {}),
});

/** Bytes; the hosts cut longer names. */
const LONGEST_NAME = 255;

const SUBMIT_HEADERS = {
  "Idempotency-Key": "The same key and body give the same job, for 30 days.",
  Prefer: "`wait=30` (at most 60) waits for the end.",
} as const;
const WAIT_HEADERS = { Prefer: `${SUBMIT_HEADERS.Prefer} The job is given either way.` } as const;

export const SUBMIT_ANSWERS = {
  200: {
    description: "The job has ended within the wait, or an earlier request with the same key made it.",
    type: "application/json",
    schema: jobOrGroupView,
    orText: true,
  },
  202: {
    description: "The job is on disk and queued. Location names it.",
    type: "application/json",
    schema: jobOrGroupView,
    orText: true,
  },
} as const satisfies Route["answers"];

const ONE_JOB = {
  200: { description: "The job.", type: "application/json", schema: jobViewSchema, orText: true },
} as const;

export { SUBMIT_HEADERS };

export function jobRoutes({ jobs, settings, log }: ServerDeps): readonly Route[] {
  async function submit(call: Call): Promise<Response> {
    const input = parseInput(addJob, call.input);
    assertSomewhere(call.input);
    assertName(input.name);
    const { request, submitter, key } = input.hook == null ? plain(call, input) : throughHook(call, input, settings());
    try {
      const submitted = await jobs.add(request, submitter, key);
      for (const { id } of submitted.created ? submitted.jobs : []) {
        log.info("job.queued", `queued for ${call.grant.name}`, { job: id, requestId: call.id });
      }
      return await answerSubmitted(call, jobs, submitted);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code === "source") {
        const rewritten = request.path === input.path ? "" : ` (after rewrite ${request.path})`;
        log.warn("job.refused", `${input.path}${rewritten}: ${error.message}`, { requestId: call.id });
      }
      throw error;
    }
  }

  function plain(call: Call, { hook: _, ...input }: AddJob): Submission {
    return { request: jobs.readRequest(input), submitter: submitterOf(call.grant), key: requestKey(call, input) };
  }

  const change = (action: "cancel" | "retry", summary: string): Route => ({
    method: "POST",
    path: `/v1/jobs/{id}/${action}`,
    summary,
    access: "manage",
    crowd: "requests",
    body: { kind: "none" },
    answers: ONE_JOB,
    handle: async (call) => answerJobs(call, [await jobs[action](idOf(call), call.grant.roots)], 200),
  });

  return [
    {
      method: "POST",
      path: "/v1/jobs",
      summary: "Queue an upload of a file that this machine can read",
      access: "submit",
      crowd: "requests",
      body: { kind: "json", schema: addJob },
      headers: SUBMIT_HEADERS,
      answers: SUBMIT_ANSWERS,
      handle: submit,
    },
    {
      method: "GET",
      path: "/v1/jobs",
      summary: "List jobs, newest first",
      access: "read",
      crowd: "requests",
      body: { kind: "none" },
      query: listQuery,
      answers: { 200: { description: "A page of jobs.", type: "application/json", schema: jobsPage } },
      async handle(call) {
        const query = parseQuery(listQuery, call.query);
        const page = await jobs.list(query, call.grant.roots);
        return json({ v: 1, jobs: page.jobs, next: page.next });
      },
    },
    {
      method: "GET",
      path: "/v1/jobs/{id}",
      summary: "One job",
      access: "read",
      crowd: "requests",
      body: { kind: "none" },
      headers: WAIT_HEADERS,
      answers: ONE_JOB,
      async handle(call) {
        const view = await jobs.get(idOf(call), call.grant.roots);
        return answerJobs(call, await afterWait(call, jobs, [view]), 200, applied(call));
      },
    },
    change("cancel", "End a job that has not ended"),
    change("retry", "Queue the failed uploads of a job again"),
    {
      method: "DELETE",
      path: "/v1/jobs/{id}",
      summary: "Forget an ended job; the history keeps it",
      access: "manage",
      crowd: "requests",
      body: { kind: "none" },
      answers: { 204: { description: "Forgotten.", type: null } },
      async handle(call) {
        await jobs.remove(idOf(call), call.grant.roots);
        return new Response(null, { status: 204 });
      },
    },
  ];
}

/** What is no id is the id of no job. */
function idOf({ params }: Call): string {
  const { id = "" } = params;
  if (/^[\w-]{1,64}$/.test(id)) return id;
  throw new AppError("not_found", "there is no such job");
}

/** A list that came out empty does not ask for the destinations of the configuration. */
function assertSomewhere(input: unknown): void {
  const { to } = input as { readonly to?: unknown };
  if (Array.isArray(to) && to.length === 0) throw invalidInput([{ path: "to", message: "is empty" }]);
}

/** A template is judged when it is filled in. */
function assertName(name: string | null): void {
  if (name === null || name.includes("{") || Buffer.byteLength(name) <= LONGEST_NAME) return;
  throw new AppError("source", `the name is longer than ${LONGEST_NAME} bytes`);
}
