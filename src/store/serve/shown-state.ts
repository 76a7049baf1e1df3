import type { JobState, Waits } from "../../core/serve-store.ts";
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
export function stateConditions(state: JobState, waits: Waits | undefined): StateConditions {
  const place = STATE[state];
  const exact: StateConditions = { stored: { sql: "state = $state", values: { state: place } }, shown: null };
  if (waits === undefined || isAsStored(state, waits)) return exact;
  switch (state) {
    case "queued":
      // Looking through a long queue for the one that does not wait would find none.
      return waits.ofQueued === "all" ? { ...exact, stored: NOTHING } : { ...exact, shown: isHeldByNone(waits) };
    case "waiting":
      return { stored: { sql: `state < ${FIRST_ENDED}`, values: {} }, shown: shows(place, waits) };
    default:
      return { ...exact, shown: shows(place, waits) };
  }
}

/** Whether nothing that only the server knows makes a difference to it. */
function isAsStored(state: JobState, { ofQueued, uploads }: Waits): boolean {
  if (state === "queued") return ofQueued === "none";
  if (state === "running") return uploads.length === 0;
  return state !== "waiting" || (ofQueued === "none" && uploads.length === 0);
}

const NOTHING: Condition = { sql: "FALSE", values: {} };

/** What `shows` comes to for a job that is stored as queued, of which nothing runs: five times as fast. */
function isHeldByNone({ accounts }: Waits): Condition {
  return {
    sql: `NOT EXISTS (
      SELECT 1 FROM uploads
      WHERE job = jobs.seq AND shown = ${STATE.queued} AND account_key IN (SELECT value FROM json_each($held)))`,
    values: { held: JSON.stringify(accounts) },
  };
}

/** Asks the uploads of a job what they make it show. */
export function shows(place: number, { accounts, uploads }: Waits): Condition {
  return {
    sql: `$shown = (
      SELECT min(CASE
        WHEN id IN (SELECT value FROM json_each($parked)) THEN ${STATE.waiting}
        WHEN shown = ${STATE.queued} AND account_key IN (SELECT value FROM json_each($held)) THEN ${STATE.waiting}
        ELSE shown
      END)
      FROM uploads WHERE job = jobs.seq)`,
    values: { shown: place, parked: JSON.stringify(uploads), held: JSON.stringify(accounts) },
  };
}
