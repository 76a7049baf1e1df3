import type { JobState, JobsQuery } from "../../core/serve-store.ts";
import type { Bindings } from "../connection.ts";
import { FIRST_ENDED, STATE } from "./states.ts";

/** A condition on `jobs`, with what it binds. */
export interface Condition {
  readonly sql: string;
  readonly values: Bindings;
}

export interface StateConditions {
  /** What an index answers: leaves no job out that shows the state. */
  readonly stored: Condition;
  /** What is left to ask of the uploads; null: nothing. */
  readonly shown: Condition | null;
}

/**
 * Jobs that show a state. What only the server knows makes an upload wait that is stored as queued or running, and
 * nothing else of another: so a job that shows `waiting` may be stored as any that has not ended, and one that shows
 * another state is stored as that.
 */
export function stateConditions(state: JobState, waits: JobsQuery["waits"]): StateConditions {
  const place = STATE[state];
  const exact: Condition = { sql: "state = $state", values: { state: place } };
  const nobodyWaits = waits === undefined || (waits.accounts.length === 0 && waits.uploads.length === 0);
  if (nobodyWaits || place >= FIRST_ENDED) return { stored: exact, shown: null };
  return {
    stored: state === "waiting" ? { sql: `state < ${FIRST_ENDED}`, values: {} } : exact,
    shown: {
      sql: `$shown = (
        SELECT min(CASE
          WHEN id IN (SELECT value FROM json_each($parked)) THEN ${STATE.waiting}
          WHEN shown = ${STATE.queued} AND account_key IN (SELECT value FROM json_each($held)) THEN ${STATE.waiting}
          ELSE shown
        END)
        FROM uploads WHERE job = jobs.seq)`,
      values: { shown: place, parked: JSON.stringify(waits.uploads), held: JSON.stringify(waits.accounts) },
    },
  };
}
