import type { RequestName } from "../../core/serve-store.ts";
import type { JobRequest, Jobs, Submitted, Submitter } from "../../core/serving/jobs.ts";
import { type AppError, AppError as Failure, toAppError } from "../../errors.ts";
import { answerSubmitted, json } from "../answer.ts";
import type { ServerDeps } from "../deps.ts";
import { requestKeyOf, requestOfHook } from "../hook-jobs.ts";
import { describeSearch } from "../hooks/find-files.ts";
import type { Hook } from "../hooks/hook.ts";
import type { HookRequest } from "../hooks/request.ts";
import { type HookJob, type HookOutcome, runHook } from "../hooks/run.ts";
import type { LogFields } from "../log.ts";
import { idempotencyKey } from "../request-key.ts";
import type { Call, Route } from "../route.ts";
import { hookNothing } from "../schemas.ts";
import type { ServedHook } from "../settings.ts";
import { SUBMIT_ANSWERS, SUBMIT_HEADERS } from "./jobs.ts";

type Refused = Parameters<Jobs["addTogether"]>[2];
type Asked = Extract<HookOutcome, { readonly kind: "jobs" }>;

/** `/hooks/{name}`. */
export function hookRoutes({ jobs, settings, rememberMessage, log }: ServerDeps): readonly Route[] {
  async function handle(call: Call): Promise<Response> {
    const served = settings().hooks.get(call.params.name ?? "");
    // The guard has seen it, but the configuration may have been loaded again since.
    if (served === undefined) throw new Failure("not_found", "there is no such hook");
    const { hook } = served;
    await assertNoReplay(call, served);
    const about = { requestId: call.id, hook: hook.name };
    const outcome = read(
      hook,
      {
        method: call.request.method,
        headers: call.request.headers,
        query: call.query,
        contentType: call.request.headers.get("content-type"),
        body: call.payload,
      },
      about,
    );
    if (outcome.kind === "test") {
      log.info("hook.test", "a test event: all is well", about);
      return json({ test: "ok" });
    }
    if (outcome.kind === "skipped") {
      log.info("hook.skipped", outcome.reason, about);
      return json({ skipped: outcome.reason });
    }
    for (const note of outcome.notes) log.warn("hook.note", note, about);
    return answerSubmitted(call, jobs, await submit(call, served, outcome));
  }

  /** A payload that nothing can be made of is told to whoever set up the hook: its sender may show no answer. */
  function read(hook: Hook, request: HookRequest, about: LogFields): HookOutcome {
    try {
      return runHook(hook, request);
    } catch (thrown) {
      const { code, message } = toAppError(thrown);
      if (code === "source") log.warn("hook.refused", `${message}; ${describeSearch(hook)}`, about);
      else if (code === "usage") log.warn("hook.refused", message, about);
      throw thrown;
    }
  }

  /**
   * A message that comes again is the same request again, which the jobs' keys see to. With another `Idempotency-Key`,
   * which no signature covers, it would make new jobs: that is somebody else's doing. The pair is remembered first, so
   * that a crash in between takes nothing from the sender's next try.
   */
  async function assertNoReplay({ request, messageId }: Call, { submitter }: ServedHook): Promise<void> {
    if (messageId === null) return;
    const pair = JSON.stringify([messageId, idempotencyKey(request)]);
    const newPair = await rememberMessage(submitter.name, pair);
    const newMessage = await rememberMessage(submitter.name, messageId);
    if (newPair && !newMessage) {
      throw new Failure("unauthorized", "the request does not prove where it comes from");
    }
  }

  /** What can be queued is queued; one file that is not there does not keep the others out. */
  async function submit(
    call: Call,
    { submitter }: ServedHook,
    { jobs: asked, requestName }: Asked,
  ): Promise<Submitted> {
    const group = asked.length > 1 ? crypto.randomUUID() : null;
    const requests = new Map(asked.map((job) => [requestOfHook(job, group), job]));
    const refused: Refused = (request, error) => {
      const { path, originalPath } = requests.get(request) ?? { path: request.path, originalPath: request.path };
      const sent = originalPath === path ? "" : ` (sent as ${originalPath})`;
      log.warn("hook.refused", `${path}${sent}: ${error.message}`, { requestId: call.id, hook: submitter.hook ?? "" });
    };
    const submitted = await submitAll(requests, submitter, requestName, refused);
    for (const { id } of submitted.created ? submitted.jobs : []) {
      log.info("job.queued", `queued for ${submitter.name}`, { job: id, requestId: call.id });
    }
    return submitted;
  }

  /**
   * With a key of its own a file that is queued already when another fails is known again in the sender's next try. Those
   * without come last and together, so that no failure leaves any of them behind.
   */
  async function submitAll(
    requests: ReadonlyMap<JobRequest, HookJob>,
    submitter: Submitter,
    requestName: RequestName | null,
    refused: Refused,
  ): Promise<Submitted> {
    const done: Submitted[] = [];
    let failed: AppError | null = null;
    const queue = async (adding: Promise<Submitted>, only?: JobRequest) => {
      try {
        done.push(await adding);
      } catch (thrown) {
        const error = toAppError(thrown);
        if (error.code !== "source") throw error;
        failed ??= error;
        if (only !== undefined) refused(only, error);
      }
    };
    const unnamed: JobRequest[] = [];
    for (const [request, job] of requests) {
      const key = requestKeyOf(job, submitter.name, requestName);
      if (key === null) unnamed.push(request);
      else await queue(jobs.add(request, submitter, key), request);
    }
    if (unnamed.length > 0) await queue(jobs.addTogether(unnamed, submitter, refused));
    if (done.length === 0 && failed !== null) throw failed;
    return { jobs: done.flatMap((each) => each.jobs), created: done.some(({ created }) => created) };
  }

  const route = (method: "POST" | "GET"): Route => ({
    method,
    path: "/hooks/{name}",
    summary: method === "POST" ? "A configured webhook" : "A configured webhook whose sender can do no more than GET",
    access: "hook",
    crowd: "requests",
    body: method === "POST" ? { kind: "payload" } : { kind: "none" },
    headers: SUBMIT_HEADERS,
    answers: {
      ...SUBMIT_ANSWERS,
      200: {
        description: "Nothing new: a test event, one that the hook skips, or one whose jobs exist already.",
        type: "application/json",
        schema: hookNothing,
      },
    },
    handle,
  });
  return [route("POST"), route("GET")];
}
