/** `interrupted` is the ledger's own: stopped or crashed, to be taken up by `resume`. */
export const UPLOAD_STATES = [
  "queued",
  "running",
  "waiting",
  "done",
  "failed",
  "cancelled",
  "unknown",
  "interrupted",
] as const;
export type UploadState = (typeof UPLOAD_STATES)[number];

/** Whether an upload in `state` needs nothing more from this program. */
export function hasEnded(state: UploadState): boolean {
  return state === "done" || state === "failed" || state === "cancelled" || state === "unknown";
}
