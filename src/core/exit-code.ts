import { ERROR_CLASSES, type ErrorCode, type ErrorView } from "../errors.ts";
import type { UploadRecord } from "./job-store.ts";
import type { SummaryView } from "./views.ts";

const MIXED = 3;

/** Counts the outcomes of a run as they come. */
export interface Tally {
  add(upload: Pick<UploadRecord, "outcome">): void;
  summary(seconds: number, interruptedWith: number | null): SummaryView;
}

export function createTally(): Tally {
  let ok = 0;
  let failed = 0;
  let skipped = 0;
  let bytes = 0;
  const codes = new Map<ErrorCode, number>();
  let retryable = false;
  const fail = (error: ErrorView) => {
    failed += 1;
    codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
    retryable ||= error.retryable;
  };
  return {
    add({ outcome }) {
      if (outcome === null) return;
      if (!outcome.ok) fail(outcome.error);
      else if (outcome.skipped) skipped += 1;
      else {
        ok += 1;
        bytes += outcome.size;
      }
    },
    summary: (seconds, interruptedWith) => ({
      v: 1,
      type: "summary",
      ok,
      failed,
      skipped,
      bytes,
      seconds,
      exit: interruptedWith ?? exitCode([...codes.keys()], ok + skipped > 0),
      retryable,
      codes: Object.fromEntries(codes),
    }),
  };
}

/** A bug outranks an unknown outcome, which outranks the rest; one shared reason keeps its code, else it is mixed. */
export function exitCode(codes: readonly ErrorCode[], anySuccess: boolean): number {
  if (codes.includes("internal")) return ERROR_CLASSES.internal.exit;
  if (codes.includes("outcome_unknown")) return ERROR_CLASSES.outcome_unknown.exit;
  const exits = new Set(codes.map((code) => ERROR_CLASSES[code].exit));
  const [only] = exits;
  if (only === undefined) return 0;
  return exits.size === 1 && !anySuccess ? only : MIXED;
}
