import { isEnded, type JobView } from "./job-view.ts";
import type { Jobs } from "./jobs.ts";

export interface JobWait {
  /** The job as it is now. */
  readonly look: () => Promise<JobView>;
  readonly subscribe: Jobs["subscribe"];
  readonly signal: AbortSignal;
}

/** The job when it has ended, or as it is after `ms` or the signal. Fails as `look` does. */
export async function waitForJob(id: string, ms: number, { look, subscribe, signal }: JobWait): Promise<JobView> {
  const ended = Promise.withResolvers<void>();
  const stop = () => ended.resolve();
  const timer = setTimeout(stop, ms);
  const forget = subscribe((event) => {
    if (event.type === "job.state" && event.job.id === id && isEnded(event.job.state)) stop();
  });
  signal.addEventListener("abort", stop, { once: true });
  try {
    const now = await look();
    if (isEnded(now.state)) return now;
    await ended.promise;
    return await look();
  } finally {
    clearTimeout(timer);
    forget();
    signal.removeEventListener("abort", stop);
  }
}
