import { stat } from "node:fs/promises";
import { AppError } from "../../errors.ts";
import { lookUnder } from "../../io/safe-open.ts";
import type { Account } from "../accounts/account.ts";
import type { SourceStamp } from "../job-store.ts";
import type { JobRecord, ServeStore } from "../serve-store.ts";
import { pathsOf } from "./enqueue.ts";
import { accountsNow, whyLost } from "./follow-accounts.ts";
import type { Root } from "./jobs.ts";

export interface RetryWorld {
  readonly store: ServeStore;
  readonly runId: string;
  /** By name, as configured now. */
  readonly accounts: () => ReadonlyMap<string, Account>;
}

/**
 * Queues again what of a job has failed, with its file as it is now, and lets what has not begun go to its account as
 * configured now. Fails with `conflict` when there is nothing of either kind, or when the file came with the job and is
 * gone.
 */
export async function retryJob(
  { store, runId, accounts }: RetryWorld,
  { id, source, uploads }: JobRecord,
  roots: readonly Root[],
): Promise<void> {
  const isOpen = uploads.some(({ state }) => state === "failed" || state === "cancelled" || state === "unknown");
  if (isOpen && source.spool !== null && !(await exists(source.spool))) {
    throw new AppError("conflict", "the file that came with the job is gone; send it again");
  }
  const file = source.path === "-" ? undefined : fileNow(source.path, roots);
  const failed = await store.retryJob(runId, id, file);
  const moved = await store.followAccounts(runId, accountsNow(accounts()), id);
  if (failed || moved.size > 0) return;
  const [lost] = uploads.flatMap((upload) => (upload.state === "queued" ? (whyLost(upload, accounts()) ?? []) : []));
  if (lost !== undefined) throw lost.with({ code: "conflict" });
  throw new AppError("conflict", "nothing of the job has failed");
}

/** Undefined where it cannot be opened, which its upload will fail with. */
function fileNow(path: string, roots: readonly Root[]): SourceStamp | undefined {
  try {
    return lookUnder(path, pathsOf(roots));
  } catch {
    return undefined;
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
