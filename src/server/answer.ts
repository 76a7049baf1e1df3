import { isEnded, type JobView } from "../core/serving/job-view.ts";
import type { Jobs, Submitted } from "../core/serving/jobs.ts";
import { safeJson, safeText } from "../safe-text.ts";
import { preferredWait } from "./prefer.ts";
import type { Call } from "./route.ts";

/** Several jobs of one request; more than this many are counted, not shown. */
const MOST_SHOWN = 1000;

export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(safeJson(value), { status, headers: { "content-type": "application/json", ...headers } });
}

/** What a request for uploads is answered with, after the wait it asks for: 202, or 200 when all is known or ended. */
export async function answerSubmitted(call: Call, jobs: Jobs, submitted: Submitted): Promise<Response> {
  const views = await afterWait(call, jobs, submitted.jobs);
  const ended = views.length > 0 && views.every(({ state }) => isEnded(state));
  const [only] = views;
  const status = !submitted.created || (ended && preferredWait(call.request) !== null) ? 200 : 202;
  const headers = only !== undefined && views.length === 1 ? { location: locationOf(only) } : {};
  return answerJobs(call, views, status, { ...headers, ...applied(call) });
}

/** One job as JSON or as text; several as a group. */
export function answerJobs(
  call: Call,
  views: readonly JobView[],
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const vary = { vary: "accept, prefer" };
  if (call.wantsText) {
    const text = views.map(textOf).join("");
    return new Response(text, {
      status,
      headers: { "content-type": "text/plain; charset=utf-8", ...vary, ...headers },
    });
  }
  const [only] = views;
  const value = only !== undefined && views.length === 1 ? only : groupOf(views);
  return json(value, status, { ...vary, ...headers });
}

function groupOf(views: readonly JobView[]) {
  return { v: 1, group: views[0]?.group ?? null, count: views.length, jobs: views.slice(0, MOST_SHOWN) };
}

/** The job as it is, or after the wait that the request asks for. */
export async function afterWait(call: Call, jobs: Jobs, views: readonly JobView[]): Promise<readonly JobView[]> {
  const ms = preferredWait(call.request);
  if (ms === null || views.every(({ state }) => isEnded(state))) return views;
  call.lift();
  const until = performance.now() + ms;
  const waited: JobView[] = [];
  for (const view of views) {
    const left = Math.max(0, until - performance.now());
    waited.push(isEnded(view.state) ? view : await jobs.wait(view.id, left, call.grant.roots, call.gone));
  }
  return waited;
}

/** Tells that the wait was understood. */
export function applied({ request }: Call): Readonly<Record<string, string>> {
  const ms = preferredWait(request);
  return ms === null ? {} : { "preference-applied": `wait=${ms / 1000}` };
}

export function locationOf({ id }: Pick<JobView, "id">): string {
  return `/v1/jobs/${id}`;
}

/** For shell scripts: the links of an ended job, one per line, else where it stands. */
function textOf({ id, state, uploads }: JobView): string {
  if (!isEnded(state)) return `${state} ${id}\n`;
  return uploads.flatMap(({ ok, url }) => (ok === true && url !== null ? [`${safeText(url)}\n`] : [])).join("");
}
