import { AppError } from "../../errors.ts";
import type { EngineListener } from "../events.ts";
import { sleep } from "../retry.ts";
import type { Account } from "./account.ts";

const POLL_IN_BASES = 5;

/** An account's captcha: whoever needs it solved waits with the others, and for one and the same time. */
export interface CaptchaWait {
  /** Set once a person was waited for in vain: until the run ends nobody is asked again. */
  readonly givenUp: AppError | null;
  /** True while a page waits for a person: no other upload of the account need start. */
  readonly open: boolean;
  /**
   * Shows the page, once, and waits one polling interval on behalf of an upload, having called `rest` because that may
   * take long. Fails with `captcha`, or `cancelled` by the signal.
   */
  person(upload: string, url: string, signal: AbortSignal, rest: () => Promise<void>): Promise<void>;
  /** The host lets the account upload: the next captcha is a new one. */
  passed(): void;
  /** The upload waits no longer, whatever came of it. */
  left(upload: string): void;
}

export interface CaptchaWaitOptions {
  /** Milliseconds that a person has. */
  readonly waitCaptchaMs: number;
  /** Milliseconds. */
  readonly retryBaseMs: number;
  readonly listen: EngineListener;
  /** Lets other processes know that a person is waited for, or no longer. Never throws. */
  readonly show?: (waits: boolean) => void;
}

export function createCaptchaWait(account: Account, options: CaptchaWaitOptions): CaptchaWait {
  let shown: string | null = null;
  let until: number | null = null;
  let givenUp: AppError | null = null;
  const waiting = new Set<string>();
  const pollMs = POLL_IN_BASES * options.retryBaseMs;
  const close = () => {
    if (waiting.size > 0) options.show?.(false);
    waiting.clear();
    shown = null;
    until = null;
  };
  return {
    get givenUp() {
      return givenUp;
    },
    get open() {
      return waiting.size > 0 && givenUp === null;
    },
    async person(upload, url, signal, rest) {
      // Work that a stop has left to itself must not keep the account closed.
      if (signal.aborted) throw new AppError("cancelled", "stopped in front of a captcha");
      if (waiting.size === 0) options.show?.(true);
      waiting.add(upload);
      const waits = options.waitCaptchaMs > 0;
      const left = until === null ? options.waitCaptchaMs : until - performance.now();
      // Nobody can solve a further page before the last look: the failure names it.
      const late = until !== null && left < (url === shown ? 1 : pollMs);
      if (shown !== url && !late) options.listen({ type: "captcha", account: account.name, url, waits });
      shown = url;
      until ??= performance.now() + options.waitCaptchaMs;
      if (late || !waits) {
        givenUp = new AppError("captcha", `${account.host.title} wants a person to solve a captcha`, {
          url,
          hint: "solve it, then run this again; --wait-captcha 10m waits for a person",
        });
        throw givenUp;
      }
      await rest();
      await sleep(Math.min(pollMs, until - performance.now()), signal);
    },
    passed: close,
    left(upload) {
      if (!waiting.has(upload)) return;
      if (waiting.size === 1) close();
      else waiting.delete(upload);
    },
  };
}
