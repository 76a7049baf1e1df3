/** The reason an engine's signal is aborted with: who asked, and what the process will exit with. */
export interface StopReason {
  readonly signal: "SIGHUP" | "SIGINT" | "SIGTERM";
  readonly exit: 129 | 130 | 143;
}

export const STOP_REASONS = {
  SIGHUP: { signal: "SIGHUP", exit: 129 },
  SIGINT: { signal: "SIGINT", exit: 130 },
  SIGTERM: { signal: "SIGTERM", exit: 143 },
} as const satisfies Record<StopReason["signal"], StopReason>;

/** The exit code of an aborted signal; null while it stands. */
export function exitOfStop(signal: AbortSignal): number | null {
  if (!signal.aborted) return null;
  const reason: unknown = signal.reason;
  return typeof reason === "object" && reason !== null && "exit" in reason && typeof reason.exit === "number"
    ? reason.exit
    : STOP_REASONS.SIGINT.exit;
}
