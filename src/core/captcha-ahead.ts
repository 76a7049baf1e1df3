import { AppError, ERROR_CLASSES, toAppError } from "../errors.ts";
import type { HostSession } from "../hosts/host.ts";
import type { Account } from "./account.ts";
import { type CaptchaWaitOptions, createCaptchaWait } from "./captcha-wait.ts";
import { drawBackoffMs, sleep } from "./retry.ts";

/** A person may take long: so many failures in a row are waited out. */
const MOST_FAILURES = 5;

/**
 * Meets an account's captcha before an upload does, and waits for a person to solve it. Resolves with whether there was
 * one. Fails with `usage` on a host without captchas, `captcha` when nobody solved it in time.
 */
export async function solveAhead(
  account: Account,
  session: HostSession,
  options: CaptchaWaitOptions,
  signal: AbortSignal,
): Promise<boolean> {
  if (session.meetCaptcha === undefined) {
    throw new AppError("usage", `${account.host.title} wants no captcha solved`);
  }
  const wait = createCaptchaWait(account, options);
  let met = false;
  const person = async ({ url }: { readonly url: string }) => {
    met = true;
    failures = 0;
    await wait.person(account.key, url, signal, async () => {});
  };
  let failures = 0;
  for (;;) {
    try {
      await session.meetCaptcha({ signal, person });
      return met;
    } catch (thrown) {
      const error = toAppError(thrown);
      failures += 1;
      const again = error.retry.again ?? ERROR_CLASSES[error.code].retry;
      if (!again || failures > MOST_FAILURES || signal.aborted) throw error;
      await sleep(error.retry.afterMs ?? drawBackoffMs(failures, options.retryBaseMs), signal);
    }
  }
}
