import { STATUS_CODES } from "node:http";
import { inputErrorsOf } from "../core/invalid-input.ts";
import { type AppError, ERROR_CLASSES } from "../errors.ts";
import { safeJson } from "../safe-text.ts";

export interface ProblemOptions {
  readonly requestId: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Seconds after which trying again is worth it. */
const RETRY_AFTER: Readonly<Record<number, string>> = { 429: "30", 503: "5" };

/**
 * A failure as RFC 9457 has it. The detail is of our making: what the caller sent is cut out of it, and what goes on
 * inside the server stays in its log.
 */
export function problem(error: AppError, { requestId, headers = {} }: ProblemOptions): Response {
  const { http: status, retry } = ERROR_CLASSES[error.code];
  const errors = inputErrorsOf(error);
  const body = {
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail: detailOf(error, status),
    code: error.code,
    retryable: retry,
    requestId,
    ...(errors === null ? {} : { errors }),
  };
  return new Response(safeJson(body), {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...(RETRY_AFTER[status] === undefined ? {} : { "retry-after": RETRY_AFTER[status] }),
      ...headers,
    },
  });
}

const INSIDE: Partial<Record<AppError["code"], string>> = {
  internal: "a bug in hoist; the server's log has more under this request's id",
  config: "the server's configuration is wrong; its log has more",
  state: "the server cannot store anything now; its log says why",
};

function detailOf(error: AppError, status: number): string {
  return INSIDE[error.code] ?? (status === 503 ? error.message : withoutQuotes(error.message));
}

/** Messages put what somebody typed between quotes or braces. */
function withoutQuotes(message: string): string {
  return message.replace(/".*"/s, '"…"').replace(/\{.*\}/s, "{…}");
}
