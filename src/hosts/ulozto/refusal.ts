import * as v from "valibot";
import { AppError, type RetryAdvice } from "../../errors.ts";
import { jsonOf, retryAfterMs } from "../../http/parse.ts";
import type { Answer } from "../../http/request.ts";
import { errorAnswer } from "./schema.ts";

/** `error` numbers that the host is known to use [O]. */
export const SESSION_EXPIRED = 70_001;
export const FOLDER_NOT_FOUND = 30_001;

/** A `Retry-After` up to this replaces one wait; a longer one lets the whole account rest. */
const LONGEST_WAIT_MS = 60_000;
/** Wordings that can only mean that the account's space is used up [A]. */
const OUT_OF_SPACE =
  /\bquota\b|\b(?:not enough|insufficient|no more|out of) (?:free )?(?:disk )?(?:space|storage)|nedostatek (?:volného )?místa/i;

export interface HostError {
  readonly number: number | null;
  /** The host's own sentence. */
  readonly message: string | null;
  readonly captchaToken: string | null;
}

/** What an answer that is no success says of itself. */
export function hostErrorOf(answer: Answer): HostError {
  const parsed = v.safeParse(errorAnswer, jsonOf(answer));
  if (parsed.success) {
    const { error, message, data } = parsed.output;
    return { number: error, message: message === "" ? null : message, captchaToken: data?.captcha_token ?? null };
  }
  return { number: null, message: plainSentence(answer), captchaToken: null };
}

/** A short text that is no page: a proxy or an upload server speaking for itself. */
function plainSentence(answer: Answer): string | null {
  const text = answer.text.trim();
  return text !== "" && text.length <= 300 && !/[<{[]/.test(text) ? text : null;
}

/** An answer outside 200–299 as a failure; `what` was asked for. */
export function refusal(what: string, answer: Answer): AppError {
  const { status } = answer;
  const { number, message } = hostErrorOf(answer);
  const options = {
    hostMessage: message ?? undefined,
    retry: waitAdvice(answer),
    cause: number === null ? undefined : { hostError: number },
  };
  if (status === 429) return new AppError("rate_limited", `Ulož.to asks to wait before ${what} (HTTP 429)`, options);
  if (status >= 500) {
    return new AppError(
      "host_unavailable",
      `Ulož.to is out of order: ${what} was answered with HTTP ${status}`,
      options,
    );
  }
  if (status < 400) {
    return new AppError("host_protocol", `the answer to ${what} is not understood (HTTP ${status})`, options);
  }
  return new AppError(refusalCode(message, status), `Ulož.to refused ${what} (HTTP ${status})`, options);
}

/** Quota only where the host clearly says so. */
export function refusalCode(message: string | null, status: number): "host_quota" | "host_rejected" {
  return status === 402 || (message !== null && OUT_OF_SPACE.test(message)) ? "host_quota" : "host_rejected";
}

/** Whether a failure is the host's answer with this `error` number. */
export function isHostError(error: unknown, number: number): boolean {
  if (!(error instanceof AppError)) return false;
  const { cause } = error;
  return typeof cause === "object" && cause !== null && "hostError" in cause && cause.hostError === number;
}

function waitAdvice(answer: Answer): RetryAdvice {
  if (answer.status !== 429 && answer.status < 500) return {};
  const ms = retryAfterMs(answer.headers);
  if (ms === null) return {};
  return ms <= LONGEST_WAIT_MS ? { afterMs: ms } : { coolDownMs: ms };
}
