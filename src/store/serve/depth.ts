import { JOB_STATES, type JobState, type QueueDepth, type ServeStore } from "../../core/serve-store.ts";
import type { StoreContext } from "../context.ts";
import { wakeAllDue } from "../due.ts";
import { FIRST_ENDED } from "./states.ts";

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
  } satisfies Partial<ServeStore>;
}
