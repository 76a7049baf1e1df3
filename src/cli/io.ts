import type { App, AppOptions } from "../app.ts";

/** What of `process.stdout` and `process.stderr` is used. */
export interface OutStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

/** The outside world of one run of the command line; tests bring their own. */
export interface CliIo {
  readonly stdin: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean | undefined };
  readonly stdout: OutStream;
  readonly stderr: OutStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted with a `StopReason`. */
  readonly signal: AbortSignal;
  /** From now on SIGHUP calls this instead of stopping the process. */
  onHangup?(handler: () => void): void;
  openApp(options: AppOptions): Promise<App>;
}
