import * as v from "valibot";
import { safeJson } from "../../safe-text.ts";
import type { ServerDeps } from "../deps.ts";
import { type LoggedEvent, type Missed, mayHear } from "../event-log.ts";
import { eventStream } from "../event-stream.ts";
import { parseQuery } from "../input.ts";
import type { Call, Route } from "../route.ts";

const query = v.strictObject({
  job: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(64))),
});

/** `GET /v1/events`. */
export function eventRoutes({ jobs, events, heartbeatMs }: ServerDeps): readonly Route[] {
  /** What was missed, and with it all that happens until the stream begins; of a single job, where it stands now. */
  async function first(call: Call, job: string | undefined): Promise<() => Missed> {
    const seen = lastEventId(call.request);
    const now = events.last();
    if (job === undefined) return () => events.after(seen ?? now);
    const view = await jobs.get(job, call.grant.roots);
    if (seen !== null && events.after(seen).complete) return () => events.after(seen);
    const state: LoggedEvent = { id: now, type: "job.state", data: safeJson(view), job, path: null };
    return () => ({ events: [state, ...events.after(now).events], complete: true });
  }

  return [
    {
      method: "GET",
      path: "/v1/events",
      summary: "What happens, as Server-Sent Events: job.state, job.progress, account.state",
      access: "read",
      crowd: "streams",
      body: { kind: "none" },
      query,
      headers: { "Last-Event-ID": "Goes on after this event." },
      answers: { 200: { description: "A stream that does not end.", type: "text/event-stream" } },
      async handle(call) {
        const { job } = parseQuery(query, call.query);
        const { roots } = call.grant;
        const missed = await first(call, job);
        call.lift();
        const stream = eventStream({
          log: events,
          wanted: (event) => (job === undefined || event.job === job) && mayHear(event, roots),
          first: missed,
          heartbeatMs,
          ended: call.hold(),
        });
        return new Response(stream, {
          headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
        });
      },
    },
  ];
}

/** Before every event. */
const NO_ID = -1;

/** Null where nothing was seen before; what is no id of ours is an earlier one, lest anything be passed over. */
function lastEventId({ headers }: Request): number | null {
  const text = headers.get("last-event-id") ?? "";
  if (text === "") return null;
  return /^\d{1,16}$/.test(text) ? Number(text) : NO_ID;
}
