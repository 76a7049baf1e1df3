import { AppError } from "../../errors.ts";
import type { HostSession } from "../../hosts/host.ts";
import type { Account } from "./account.ts";
import { type CaptchaWaitOptions, createCaptchaWait } from "./captcha-wait.ts";
import { noteRetry, repeat } from "./repeat.ts";

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
  const { meetCaptcha } = session;
  if (meetCaptcha === undefined) {
    throw new AppError("usage", `${account.host.title} wants no captcha solved`);
  }
  const wait = createCaptchaWait(account, options);
  let met = false;
  return repeat(
    async (restart) => {
      const person = async ({ url }: { readonly url: string }) => {
        met = true;
        restart();
        await wait.person(account.key, url, signal, async () => {});
      };
      await meetCaptcha({ signal, person });
      return met;
    },
    { retryBaseMs: options.retryBaseMs, signal, onRetry: noteRetry(account, options.listen) },
  );
}
