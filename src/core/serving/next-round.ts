import type { UploadRecord } from "../job-store.ts";
import type { ServeStore } from "../serve-store.ts";

/** Waits between the rounds of a job, after all retries of a round have failed, in minutes. */
const WAITS_MIN = [1, 5, 15, 60, 240];
const MINUTE_MS = 60_000;

export interface NextRound {
  /** Milliseconds since the epoch. */
  readonly dueAt: number;
  readonly why: "retry" | "account";
}

/** When and why an upload that failed with `code` is tried again; null: it has failed. */
export async function nextRound(
  store: Pick<ServeStore, "jobOfUpload">,
  upload: UploadRecord,
  code: string,
  retryable: boolean,
): Promise<NextRound | null> {
  if (upload.source.path === "-" && upload.source.spool === null) return null;
  // The account waits as a whole: the upload keeps its turn.
  if (code === "host_auth") return { dueAt: Date.now(), why: "account" };
  if (!retryable) return null;
  const job = await store.jobOfUpload(upload.id);
  const rounds = job?.uploads.find(({ id }) => id === upload.id)?.rounds ?? 0;
  const minutes = WAITS_MIN[rounds];
  return minutes === undefined ? null : { dueAt: Date.now() + minutes * MINUTE_MS, why: "retry" };
}
