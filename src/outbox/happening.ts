import type { NotifyEvent } from "../config/notify-schema.ts";
import type { JobView } from "../core/serving/job-view.ts";
import type { AccountView } from "../core/serving/jobs.ts";

/** Something that somebody may want to be told of. */
export type Happening =
  | { readonly kind: Exclude<NotifyEvent, "paused">; readonly job: JobView }
  | { readonly kind: "paused"; readonly account: AccountView };

const TYPES = {
  done: "upload.completed",
  failed: "upload.failed",
  unknown: "upload.unknown",
  captcha: "upload.captcha",
  paused: "account.paused",
} as const satisfies Record<NotifyEvent, string>;

/** The JSON of a callback. */
export function payloadOf(happening: Happening, now: number): string {
  const data = happening.kind === "paused" ? happening.account : happening.job;
  return JSON.stringify({ type: TYPES[happening.kind], timestamp: new Date(now).toISOString(), data });
}

/** What the end of a job is to others; null: nobody is told of it, or it has not ended. */
export function endOf(job: JobView): Happening | null {
  switch (job.state) {
    case "done":
    case "failed":
    case "unknown":
      return { kind: job.state, job };
    default:
      return null;
  }
}

/** The pages that a person must open for a job to go on. */
export function captchaPages({ uploads }: JobView): readonly string[] {
  return uploads.flatMap(({ waitingFor, error }) =>
    waitingFor === "captcha" && error?.code === "captcha" && error.url !== null ? [error.url] : [],
  );
}
