import { type AppError, type ErrorCode, toAppError } from "../../errors.ts";

/** What one look came to. */
export interface Finding {
  readonly check: string;
  /** `failed` decides the exit code, `warning` does not. */
  readonly state: "ok" | "note" | "warning" | "failed";
  readonly text: string;
  readonly hint?: string | undefined;
  /** Only when failed. */
  readonly code?: ErrorCode;
}

/** Runs a look; what it throws is a finding too. */
export async function look(check: string, work: () => Promise<Omit<Finding, "check">>): Promise<Finding> {
  try {
    return { check, ...(await work()) };
  } catch (thrown) {
    return failed(check, toAppError(thrown));
  }
}

export function failed(check: string, error: AppError): Finding {
  if (error.code === "cancelled") throw error;
  const words = error.hostMessage === undefined ? "" : `; the host says: "${error.hostMessage}"`;
  return { check, state: "failed", text: `${error.message}${words}`, hint: error.hint, code: error.code };
}
