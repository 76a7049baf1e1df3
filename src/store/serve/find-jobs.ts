import type { JobRecord, JobsQuery, ServeStore } from "../../core/serve-store.ts";
import type { Bindings } from "../connection.ts";
import type { StoreContext } from "../context.ts";
import { wakeAllDue } from "../due.ts";
import { parseCursor, writeCursor } from "./cursor.ts";
import { loadJobs } from "./job-rows.ts";
import { type Condition, stateConditions } from "./shown-state.ts";

/** Jobs looked through at a time for those that match; between two looks other work goes on. */
const WINDOW = 1_000;

export function findJobs(context: StoreContext) {
  const { sql, access } = context;

  const one = (where: string, values: Bindings): Promise<JobRecord | null> =>
    access.read(() => {
      const row = sql<{ seq: number }>(`SELECT seq FROM jobs WHERE ${where}`).get(values);
      return row === null ? null : (loadJobs(context, [row.seq])[0] ?? null);
    });

  return {
    job: (id: string) => one("id = $id", { id }),

    jobOfUpload: (uploadId: string) => one("seq = (SELECT job FROM uploads WHERE id = $uploadId)", { uploadId }),

    async jobs(query: JobsQuery): Promise<{ readonly jobs: readonly JobRecord[]; readonly next: string | null }> {
      let before = query.after === undefined ? null : parseCursor(query.after);
      if (query.state !== undefined) await wakeAllDue(context);
      const { limit } = query;
      const found: number[] = [];
      do {
        const window = await access.read(() => look(context, query, before, limit + 1 - found.length));
        found.push(...window.found);
        before = window.end;
        // A read by itself is done at once and would leave nobody else a turn.
        if (before !== null) await new Promise((resolve) => setImmediate(resolve));
      } while (before !== null && found.length <= limit);
      const shown = found.slice(0, limit);
      const last = found.length > limit ? shown.at(-1) : undefined;
      return {
        jobs: await access.read(() => loadJobs(context, shown)),
        next: last === undefined ? null : writeCursor(last),
      };
    },
  } satisfies Partial<ServeStore>;
}

interface Look {
  readonly found: readonly number[];
  /** The place where the window ends; null after the oldest job. */
  readonly end: number | null;
}

/** Up to `limit` matching jobs in the window of jobs before a place, newest first. */
function look({ sql }: StoreContext, query: JobsQuery, before: number | null, limit: number): Look {
  const state = query.state === undefined ? null : stateConditions(query.state, query.waits);
  const { conditions, values } = conditionsOf(query, state?.shown ?? null);
  // Above every place that SQLite gives.
  const from = { before: before ?? Number.MAX_SAFE_INTEGER, ...state?.stored.values };
  const among = ["seq < $before", ...(state === null ? [] : [state.stored.sql])].join(" AND ");
  const end =
    conditions.length === 0
      ? null
      : (sql<{ seq: number }>(`SELECT seq FROM jobs WHERE ${among} ORDER BY seq DESC LIMIT 1 OFFSET ${WINDOW - 1}`).get(
          from,
        )?.seq ?? null);
  const matching = [among, "seq >= $end", ...conditions].join(" AND ");
  const rows = sql<{ seq: number }>(`SELECT seq FROM jobs WHERE ${matching} ORDER BY seq DESC LIMIT $limit`).all({
    ...from,
    ...values,
    end: end ?? 0,
    limit,
  });
  return { found: rows.map(({ seq }) => seq), end };
}

interface Conditions {
  /** On the jobs, that is on their uploads. */
  readonly conditions: readonly string[];
  readonly values: Bindings;
}

function conditionsOf({ account, labels = {}, under }: JobsQuery, shown: Condition | null): Conditions {
  const conditions: string[] = shown === null ? [] : [shown.sql];
  const values: Bindings = { ...shown?.values };
  const add = (condition: string, value: Bindings) => {
    conditions.push(`EXISTS (SELECT 1 FROM uploads WHERE job = jobs.seq AND ${condition})`);
    Object.assign(values, value);
  };
  if (account !== undefined) add("account = $account", { account });
  for (const [index, [key, value]] of Object.entries(labels).entries()) {
    const each = `each.key = $key${index} AND each.value = $value${index}`;
    add(`EXISTS (SELECT 1 FROM json_each(labels) AS each WHERE ${each})`, {
      [`key${index}`]: key,
      [`value${index}`]: value,
    });
  }
  if (under !== null) {
    const roots = under.map((path, index) => {
      const root = path.replace(/\/+$/, "");
      // "0" follows "/": between the two is all that is below a directory, and nothing that is only named like it.
      Object.assign(values, { [`root${index}`]: root, [`from${index}`]: `${root}/`, [`to${index}`]: `${root}0` });
      return `source_path = $root${index} OR source_path >= $from${index} AND source_path < $to${index}`;
    });
    add(roots.length === 0 ? "FALSE" : `(${roots.join(" OR ")})`, {});
  }
  return { conditions, values };
}
