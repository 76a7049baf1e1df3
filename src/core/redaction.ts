import { AppError, toAppError } from "../errors.ts";
import type { HostSession } from "../hosts/host.ts";

/** Replaces every occurrence of known secrets in a text. */
export type Redactor = (text: string) => string;

/** A shorter secret would take innocent words with it. */
const SHORTEST = 6;
const REPLACEMENT = "[redacted]";

/** Knows each secret as it is, in a URL, in JSON and in base64. */
export function createRedactor(secrets: readonly string[]): Redactor {
  const forms = new Set(secrets.filter((secret) => secret.length >= SHORTEST).flatMap(formsOf));
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  return (text) => longestFirst.reduce((redacted, form) => redacted.replaceAll(form, REPLACEMENT), text);
}

function formsOf(secret: string): string[] {
  const base64 = Buffer.from(secret).toString("base64");
  return [
    secret,
    encodeURIComponent(secret.toWellFormed()),
    new URLSearchParams({ s: secret }).toString().slice(2),
    JSON.stringify(secret).slice(1, -1),
    base64,
    base64.replace(/=+$/, ""),
  ];
}

/** The same failure without secrets, whatever a host wrote into its answer. */
export function redactError(thrown: unknown, redact: Redactor): AppError {
  const error = toAppError(thrown);
  const { message, hint, hostMessage, url } = error;
  const texts = [message, hint, hostMessage, url, String(error.cause ?? "")];
  if (texts.every((text) => text === undefined || redact(text) === text)) return error;
  return new AppError(error.code, redact(message), {
    hint: hint === undefined ? undefined : redact(hint),
    hostMessage: hostMessage === undefined ? undefined : redact(hostMessage),
    url: url === undefined ? undefined : redact(url),
    retry: error.retry,
  });
}

/** A session whose failures hold none of the account's secrets, even where the host throws them back. */
export function redactSession(session: HostSession, redact: Redactor): HostSession {
  const safely = <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) => {
    return (...args: Args): Promise<Result> =>
      work(...args).catch((thrown) => {
        throw redactError(thrown, redact);
      });
  };
  const { existing, check } = session;
  return {
    ...session,
    upload: safely(session.upload),
    ...(existing === undefined ? {} : { existing: safely(existing) }),
    ...(check === undefined ? {} : { check: safely(check) }),
  };
}
