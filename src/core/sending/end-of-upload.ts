import { AppError, type ErrorView, errorView, toAppError } from "../../errors.ts";
import type { Host } from "../../hosts/host.ts";
import type { Phase } from "../../hosts/phase.ts";
import type { Outcome, UploadRecord } from "../job-store.ts";

/** How an upload ends in this run: for good, or open to `resume`. */
export type End =
  | { readonly kind: "finished"; readonly outcome: Outcome }
  | { readonly kind: "interrupted"; readonly error: ErrorView };

/** Without a commit the host may show the file from here on. */
const MAYBE_UP: ReadonlySet<Phase> = new Set(["finishing", "stored", "placed", "committing", "committed"]);

/**
 * What a failure makes of an upload; once `run` has fired, work cut short is not a failure of its own. `recorded`:
 * whether another process can find the upload.
 */
export function endOf(
  thrown: unknown,
  { id, phase, source }: Pick<UploadRecord, "id" | "phase" | "source">,
  host: Pick<Host, "title" | "features">,
  run: AbortSignal,
  recorded: boolean,
): End {
  const error = run.aborted && isAbort(thrown, run) ? stopped() : toAppError(thrown);
  const canGoOn = source.path !== "-" || source.spool !== null;
  const again = canGoOn && recorded ? id : null;
  if (run.aborted && isCutShort(error, host)) {
    if (!host.features.commits && MAYBE_UP.has(phase)) return failed(toldHowToRepeat(maybeUp(host), again));
    return canGoOn ? interrupted(error.code === "cancelled" ? error : stopped(), recorded) : failed(stopped());
  }
  // Nothing failed for good: a person is needed, then `resume` goes on.
  return error.code === "captcha" && canGoOn ? interrupted(error, recorded) : failed(toldHowToRepeat(error, again));
}

/** Another attempt would have followed, or the failure is but the stop itself. */
function isCutShort(error: AppError, { features }: Pick<Host, "features">): boolean {
  if (error.code === "cancelled") return true;
  if (error.code === "outcome_unknown") return features.commits;
  return error.retry.again ?? error.retryable;
}

function isAbort(thrown: unknown, run: AbortSignal): boolean {
  return thrown === run.reason || (thrown instanceof Error && thrown.name === "AbortError");
}

function stopped(): AppError {
  return new AppError("cancelled", "the upload was stopped");
}

function maybeUp({ title }: Pick<Host, "title">): AppError {
  return new AppError("outcome_unknown", `stopped while ${title} was about to answer: the file may be up`);
}

/** It may be an upload of a command or of a server's job, and anybody may read how it ended. `id`: null when it cannot be named. */
function toldHowToRepeat(error: AppError, id: string | null): AppError {
  if (error.code !== "outcome_unknown") return error;
  const repeat =
    id === null
      ? "run this again if it is not there"
      : "send it again, which may leave a duplicate, with: " +
        `hoist resume ${id} --retry-unknown; or, if it is a server's job: hoist jobs retry with the job's id`;
  return error.with({ hint: `look at your account; ${repeat}` });
}

function interrupted(error: AppError, recorded: boolean): End {
  const again = recorded ? "go on with: hoist resume" : "run this again";
  const hint = error.code === "cancelled" ? again : error.hint;
  return { kind: "interrupted", error: errorView(error.with({ hint })) };
}

function failed(error: AppError): End {
  return { kind: "finished", outcome: { ok: false, error: errorView(error) } };
}
