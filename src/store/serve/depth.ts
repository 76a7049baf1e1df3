import { JOB_STATES, type JobState, type QueueDepth, type ServeStore, type Waits } from "../../core/serve-store.ts";
import type { StoreContext } from "../context.ts";
import { wakeAllDue } from "../due.ts";
import { type Condition, shows } from "./shown-state.ts";
import { FIRST_ENDED, STATE } from "./states.ts";

/** Jobs looked at at a time; between two looks other work goes on. */
const WINDOW = 1_000;

/** How many jobs have not ended. */
export function unendedJobs({ sql }: StoreContext): number {
  return sql<{ n: number }>(`SELECT sum(n) AS n FROM job_counts WHERE state < ${FIRST_ENDED}`).get({})?.n ?? 0;
}

export function depth(context: StoreContext) {
  const { sql, access } = context;
  return {
    async depth(): Promise<QueueDepth> {
      await wakeAllDue(context);
      return access.read(() => {
        const rows = sql<{ state: number; n: number }>("SELECT state, n FROM job_counts").all({});
        const counts = new Map(rows.map(({ state, n }) => [state, n]));
        const entries = JOB_STATES.map((state, place): [JobState, number] => [state, counts.get(place) ?? 0]);
        const oldest = sql<{ created_at: number }>(
          `SELECT created_at FROM jobs WHERE state < ${FIRST_ENDED} ORDER BY seq LIMIT 1`,
        ).get({});
        return {
          byState: Object.fromEntries(entries) as Record<JobState, number>,
          oldestUnended: oldest?.created_at ?? null,
        };
      });
    },

    async countWaiting(state: "running" | "queued", waits: Waits): Promise<number> {
      const waiting = shows(STATE.waiting, waits);
      let count = 0;
      let last: number | null = 0;
      while (last !== null) {
        const after: number = last;
        const window = await access.read(() => look(context, STATE[state], waiting, after));
        count += window.waiting;
        last = window.last;
        // A read by itself is done at once and would leave nobody else a turn.
        if (last !== null) await new Promise((resolve) => setImmediate(resolve));
      }
      return count;
    },
  } satisfies Partial<ServeStore>;
}

/** How many of the next jobs stored in a state fulfil a condition; `last`: the place of the last, null after all. */
function look({ sql }: StoreContext, state: number, { sql: condition, values }: Condition, after: number) {
  const { last, jobs, waiting } = sql<{ last: number | null; jobs: number; waiting: number | null }>(
    `SELECT max(seq) AS last, count(*) AS jobs, sum(${condition}) AS waiting
     FROM (SELECT seq FROM jobs WHERE state = $state AND seq > $after ORDER BY seq LIMIT ${WINDOW}) AS jobs`,
  ).get({ ...values, state, after }) ?? { last: null, jobs: 0, waiting: 0 };
  return { waiting: waiting ?? 0, last: jobs === WINDOW ? last : null };
}
