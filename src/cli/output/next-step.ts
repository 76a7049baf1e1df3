import type { UploadRecord } from "../../core/job-store.ts";
import { type AppError, type ErrorCode, type ErrorView, errorView, toAppError } from "../../errors.ts";
import { shellWord } from "../../safe-text.ts";
import type { Globals } from "../globals.ts";

/** How what failed can be tried again, as an instruction: "go on with: hoist resume". */
export type Again = string;

export const RUN_AGAIN: Again = "run this again";

/** The command that tries the login of a new account. */
export function checkStep(account: string, { config }: Pick<Globals, "config">): string {
  return `hoist account check ${account}${config === undefined ? "" : ` --config ${shellWord(config)}`}`;
}

/** By code, for failures that name no step of their own. */
const STEPS: Readonly<Partial<Record<ErrorCode, (again: Again) => string>>> = {
  network: (again) => `hoist doctor looks at the connection; ${again}`,
  timeout: (again) => `it may pass by itself; ${again}`,
  host_unavailable: (again) => `it may pass by itself; ${again}`,
  host_protocol: (again) => `it may pass by itself; ${again}`,
  rate_limited: (again) => `when that is over, ${again}`,
  host_rejected: () => "the same would be refused again: choose another name, folder, file or account",
  host_quota: () => "free some space there, or name another account",
  integrity: () => "this does not count as uploaded: upload the file again",
};

/** The failure with what to do about it. */
export function withNextStep(error: ErrorView, again: Again): ErrorView {
  return error.hint !== null ? error : { ...error, hint: STEPS[error.code]?.(again) ?? null };
}

/** The same for what failed besides uploads: it can but be run again. */
export function withCommandStep(error: AppError): AppError {
  const { hint } = withNextStep(errorView(error), RUN_AGAIN);
  return hint === null ? error : error.with({ hint });
}

/** What `check` refuses of a command's words, with where they are told when it names nothing nearer. */
export function withHelpStep<T>(command: readonly string[], check: () => T): T {
  try {
    return check();
  } catch (thrown) {
    const error = toAppError(thrown);
    throw error.hint === undefined
      ? error.with({ hint: `${["hoist", ...command].join(" ")} --help shows what it takes` })
      : error;
  }
}

/** How `hoist resume` goes on with an upload of the ledger. */
export function resumeStep({ source }: UploadRecord): Again {
  return isGone(source) ? "run this again: standard input cannot be resumed" : "go on with: hoist resume";
}

/** What a pipe has given cannot be read again, unless a copy was kept. */
export function isGone({ path, spool }: UploadRecord["source"]): boolean {
  return path === "-" && spool === null;
}

/** The upload with what to do about its failure, if it has failed. */
export function withUploadStep(upload: UploadRecord, again: Again = resumeStep(upload)): UploadRecord {
  const { outcome } = upload;
  if (outcome === null || outcome.ok) return upload;
  return { ...upload, outcome: { ok: false, error: withNextStep(outcome.error, again) } };
}
