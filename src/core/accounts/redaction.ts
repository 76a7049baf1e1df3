import { AppError, toAppError } from "../../errors.ts";
import type { HostSession, RemoteFolders } from "../../hosts/host.ts";

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
  const safely = safeCall(redact);
  const { existing, meetCaptcha, check, folders } = session;
  return {
    ...session,
    upload: safely(session.upload),
    ...(existing === undefined ? {} : { existing: safely(existing) }),
    ...(meetCaptcha === undefined ? {} : { meetCaptcha: safely(meetCaptcha) }),
    ...(check === undefined ? {} : { check: safely(check) }),
    ...(folders === undefined ? {} : { folders: redactFolders(folders, redact) }),
  };
}

function redactFolders(folders: RemoteFolders, redact: Redactor): RemoteFolders {
  const safely = safeCall(redact);
  return {
    root: safely(folders.root),
    byId: safely(folders.byId),
    list: safely(folders.list),
    create: safely(folders.create),
    change: safely(folders.change),
    remove: safely(folders.remove),
    usage: safely(folders.usage),
  };
}

function safeCall(redact: Redactor) {
  return <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> =>
      work(...args).catch((thrown) => {
        throw redactError(thrown, redact);
      });
}
