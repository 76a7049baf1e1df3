/** What a failure means to a script, to an HTTP client and to the retry loop. */
interface ErrorClass {
  /** Exit code of the command line. */
  readonly exit: number;
  /** Status of the HTTP API. */
  readonly http: number;
  /** Whether repeating the same request later, by itself, can succeed. */
  readonly retry: boolean;
}

/** The one table of failure classes. Codes are stable: they live in scripts, in SQLite and in JSON. */
export const ERROR_CLASSES = {
  usage: { exit: 2, http: 400, retry: false },
  config: { exit: 2, http: 500, retry: false },
  source: { exit: 4, http: 422, retry: false },
  not_found: { exit: 4, http: 404, retry: false },
  conflict: { exit: 4, http: 409, retry: false },
  network: { exit: 5, http: 502, retry: true },
  timeout: { exit: 5, http: 504, retry: true },
  host_unavailable: { exit: 5, http: 502, retry: true },
  rate_limited: { exit: 5, http: 503, retry: true },
  certificate: { exit: 5, http: 502, retry: false },
  host_protocol: { exit: 5, http: 502, retry: true },
  host_auth: { exit: 6, http: 502, retry: false },
  host_rejected: { exit: 7, http: 422, retry: false },
  host_quota: { exit: 7, http: 422, retry: false },
  integrity: { exit: 8, http: 502, retry: false },
  outcome_unknown: { exit: 9, http: 502, retry: false },
  captcha: { exit: 10, http: 409, retry: false },
  state: { exit: 11, http: 507, retry: false },
  cancelled: { exit: 130, http: 409, retry: false },
  internal: { exit: 1, http: 500, retry: false },
  // Of the server alone; the exit code is that of a client of it.
  unprocessable: { exit: 2, http: 422, retry: false },
  unauthorized: { exit: 6, http: 401, retry: false },
  forbidden: { exit: 6, http: 403, retry: false },
  method: { exit: 2, http: 405, retry: false },
  too_large: { exit: 7, http: 413, retry: false },
  unsupported_type: { exit: 2, http: 415, retry: false },
  misdirected: { exit: 2, http: 421, retry: false },
  queue_full: { exit: 5, http: 429, retry: true },
  draining: { exit: 5, http: 503, retry: true },
} as const satisfies Record<string, ErrorClass>;

export type ErrorCode = keyof typeof ERROR_CLASSES;

/** What the retry loop of this run does after a failure; `code` alone decides when nothing is said. */
export interface RetryAdvice {
  /** Try again in this run. Default: what the table says for the code. */
  readonly again?: boolean;
  /** Wait exactly this many milliseconds instead of drawing a wait. */
  readonly afterMs?: number;
  /** The next attempt does not count against `--retries`. */
  readonly free?: boolean;
  /** The host asks the whole account to be left alone for this many milliseconds (null: it did not say how long). */
  readonly coolDownMs?: number | null;
}

export interface AppErrorOptions {
  /** What to type or check next, one sentence. */
  readonly hint?: string | undefined;
  /** The host's own words, verbatim. */
  readonly hostMessage?: string | undefined;
  /** A link the host gave although this is no success, or a captcha page. */
  readonly url?: string | undefined;
  readonly retry?: RetryAdvice | undefined;
  readonly cause?: unknown;
}

/** The only error class. `message` never holds a secret, an action URL or a query string. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly hostMessage: string | undefined;
  readonly url: string | undefined;
  readonly retry: RetryAdvice;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.hint = options.hint;
    this.hostMessage = options.hostMessage;
    this.url = options.url;
    this.retry = options.retry ?? {};
  }

  get exit(): number {
    return ERROR_CLASSES[this.code].exit;
  }

  /** An identical run later can succeed. */
  get retryable(): boolean {
    return ERROR_CLASSES[this.code].retry;
  }

  /** The same failure with something added, for a layer that knows more. */
  with(options: AppErrorOptions & { readonly code?: ErrorCode; readonly message?: string }): AppError {
    return new AppError(options.code ?? this.code, options.message ?? this.message, {
      hint: options.hint ?? this.hint,
      hostMessage: options.hostMessage ?? this.hostMessage,
      url: options.url ?? this.url,
      retry: { ...this.retry, ...options.retry },
      cause: options.cause ?? this.cause,
    });
  }
}

/** The JSON shape of a failure, in results, in the database and on the API. */
export interface ErrorView {
  readonly code: ErrorCode;
  readonly exit: number;
  readonly message: string;
  readonly hint: string | null;
  readonly hostMessage: string | null;
  readonly retryable: boolean;
  readonly url: string | null;
}

export function errorView(error: AppError): ErrorView {
  return {
    code: error.code,
    exit: error.exit,
    message: error.message,
    hint: error.hint ?? null,
    hostMessage: error.hostMessage ?? null,
    retryable: error.retryable,
    url: error.url ?? null,
  };
}

/** Anything thrown becomes an AppError; what nobody foresaw is `internal`. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new AppError("internal", message === "" ? "unknown failure" : message, {
    hint: "this is a bug in hoist; run again with -v and report what it prints",
    cause: thrown,
  });
}
