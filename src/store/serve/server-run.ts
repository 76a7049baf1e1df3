import type { StoreContext } from "../context.ts";
import { findRun } from "../runs.ts";

/**
 * The run of a server, opened: one that is not vanishes with its process, and jobs must not. Fails with `state` when
 * it is gone. Inside a write.
 */
export function serverRun(context: StoreContext, runId: string): number {
  const run = findRun(context, runId);
  if (run.opened === 0) context.sql("UPDATE runs SET opened = 1 WHERE seq = $run").run({ run: run.seq });
  return run.seq;
}
