import { JOB_STATES, type JobState } from "../../core/serve-store.ts";

/** Places in JOB_STATES, which are what `jobs.state` holds and what the schema counts on. */
export const STATE = Object.fromEntries(JOB_STATES.map((state, place) => [state, place])) as Readonly<
  Record<JobState, number>
>;

/** A job that has not ended is in one of the states before this one; the index `jobs_unended` says the same. */
export const FIRST_ENDED = STATE.unknown;
