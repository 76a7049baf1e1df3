import { AppError } from "../../errors.ts";
import { isPrivateAddress } from "../../http/address.ts";
import type { AccountEndpoint, UploadContext } from "../host.ts";
import type { Api } from "./api.ts";
import { unlessAborted } from "./flight.ts";
import { captchaPageAnswer } from "./schema.ts";

/** The upload on whose behalf something is asked for: it is the one that waits for a person. */
export type Asker = Pick<UploadContext, "signal" | "person">;

/** What a request that a captcha may stand before has given. */
export type Passage<T> =
  | { readonly kind: "passed"; readonly value: T }
  | { readonly kind: "captcha"; readonly token: string };

export interface CaptchaGate {
  /**
   * `attempt` until it passes: with the token of a captcha once one was asked for. While a captcha is open, and until
   * a first request has shown that none is, the account's requests go one at a time: the others wait for its outcome.
   * Fails with `captcha` when nobody waits for a person any longer.
   */
  pass<T>(asker: Asker, attempt: (captchaToken: string | null) => Promise<Passage<T>>): Promise<T>;
}

interface Captcha {
  readonly token: string;
  readonly page: string;
}

export function createCaptchaGate(api: Api, endpoint: AccountEndpoint): CaptchaGate {
  let oneAtATime = true;
  let turn: Promise<unknown> | null = null;
  // Kept when an attempt fails in between, so that a page that was solved meanwhile is not asked for again.
  let open: Captcha | null = null;

  const show = async (token: string, signal: AbortSignal): Promise<Captcha> => {
    if (open?.token === token) return open;
    const call = { what: "the captcha page", method: "POST", body: {}, signal } as const;
    const { url } = await api.call(
      { ...call, path: `/v5/captcha/${encodeURIComponent(token)}/url` },
      captchaPageAnswer,
    );
    open = { token, page: pageForPeople(url, endpoint) };
    return open;
  };

  const solve = async <T>(
    asker: Asker,
    attempt: (token: string | null) => Promise<Passage<T>>,
    first: Passage<T> | null,
  ) => {
    let passage = first ?? (await attempt(open?.token ?? null));
    oneAtATime = passage.kind === "captcha";
    while (passage.kind === "captcha") {
      const captcha = await show(passage.token, asker.signal);
      await asker.person({ kind: "captcha", url: captcha.page });
      passage = await attempt(captcha.token);
    }
    open = null;
    return passage.value;
  };

  return {
    async pass<T>(asker: Asker, attempt: (captchaToken: string | null) => Promise<Passage<T>>): Promise<T> {
      for (;;) {
        let first: Passage<T> | null = null;
        if (turn === null && !oneAtATime) {
          first = await attempt(null);
          if (first.kind === "passed") return first.value;
          oneAtATime = true;
        }
        if (turn === null) {
          const mine = solve(asker, attempt, first);
          turn = mine;
          try {
            return await mine;
          } finally {
            turn = null;
          }
        }
        await unlessAborted(
          turn.catch(() => {}),
          asker.signal,
        );
      }
    },
  };
}

/** Captcha pages stand where the captcha's maker likes [A], so any public https origin will do. */
function pageForPeople(url: string, endpoint: AccountEndpoint): string {
  const page = URL.canParse(url) ? new URL(url) : null;
  const allowed =
    page !== null &&
    (page.protocol === "https:" || (page.protocol === "http:" && endpoint.loopback)) &&
    (endpoint.loopback || !isPrivateAddress(page.hostname)) &&
    page.username === "" &&
    page.password === "";
  if (!allowed) throw new AppError("host_protocol", "the host gave a captcha page that is no public https address");
  return page.href;
}
