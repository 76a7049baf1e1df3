import type { AccountNow, ServeStore } from "../../core/serve-store.ts";
import type { StoreContext } from "../context.ts";
import { PAGE } from "../pages.ts";
import { serverRun } from "./server-run.ts";

/** Uploads whose account is called as before, but is another one now. */
export function followAccounts(context: StoreContext) {
  return {
    async followAccounts(runId: string, accounts: readonly AccountNow[], jobId?: string) {
      const moved = new Map<string, number>();
      for (;;) {
        const page = await context.access.write(() => movePage(context, runId, accounts, jobId ?? null));
        for (const name of page) moved.set(name, (moved.get(name) ?? 0) + 1);
        if (page.length < PAGE) return moved;
      }
    },
  } satisfies Partial<ServeStore>;
}

/** An index for those that could start, and one for those that rest. */
const QUEUED = ["uploads_queued WHERE due_at IS NULL", "uploads_resting WHERE due_at IS NOT NULL"];
/** Waits for the file or for a time concern every account, the others only the one that was. */
const STAYS = "waiting_for IN ('notBefore', 'settle')";

/** Returns the names of their accounts. */
function movePage(
  context: StoreContext,
  runId: string,
  accounts: readonly AccountNow[],
  jobId: string | null,
): readonly string[] {
  const { sql } = context;
  const run = serverRun(context, runId);
  const configured = JSON.stringify(accounts);
  const found = QUEUED.flatMap((queue) =>
    sql<{ seq: number; name: string; key: string }>(
      `WITH configured AS (SELECT value ->> 'name' AS name, value ->> 'host' AS host_id, value ->> 'key' AS key
         FROM json_each($configured))
       SELECT uploads.seq, configured.name, configured.key
       FROM (
         SELECT seq, account, host FROM uploads INDEXED BY ${queue} AND state = 'queued' AND run = $run
           AND account_key NOT IN (SELECT key FROM configured) AND phase IN ('new', 'preparing') AND checkpoint IS NULL
           AND job IS NOT NULL AND ($jobId IS NULL OR job = (SELECT seq FROM jobs WHERE id = $jobId))
       ) AS uploads
       JOIN configured ON configured.name = uploads.account AND configured.host_id = uploads.host
       LIMIT ${PAGE}`,
    ).all({ run, configured, jobId }),
  ).slice(0, PAGE);
  const move = sql(
    `UPDATE uploads SET account_key = $key, phase = 'new', outcome = NULL, rounds = 0,
       due_at = CASE WHEN ${STAYS} THEN due_at END, waiting_for = CASE WHEN ${STAYS} THEN waiting_for END
     WHERE seq = $seq`,
  );
  for (const { seq, key } of found) move.run({ seq, key });
  return found.map(({ name }) => name);
}
