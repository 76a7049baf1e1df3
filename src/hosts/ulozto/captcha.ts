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

/** Asks once, with the token of a captcha if there is one. */
export type Attempt<T> = (captchaToken: string | null) => Promise<Passage<T>>;

export interface CaptchaGate {
  /**
   * `attempt` until it passes. While a captcha is open, and until a first request has shown that none is, the
   * account's requests go one at a time: the others wait for its outcome, and for the person as well, so that nobody
   * thinks them busy. Fails with `captcha` when nobody waits for a person any longer.
   */
  pass<T>(asker: Asker, attempt: Attempt<T>): Promise<T>;
}

interface Captcha {
  readonly token: string;
  readonly page: string;
}

export function createCaptchaGate(api: Api, endpoint: AccountEndpoint): CaptchaGate {
  let oneAtATime = true;
  let turn: Promise<unknown> | null = null;
  /** The page that the one whose turn it is waits before. */
  let open: Captcha | null = null;
  let bell = Promise.withResolvers<void>();
  const ring = (captcha: Captcha | null) => {
    open = captcha;
    bell.resolve();
    bell = Promise.withResolvers<void>();
  };
  // Kept when an attempt fails in between, lest a page that somebody is solving be replaced; and once it is solved,
  // because the host may let its token count for more than one link [A].
  let last: Captcha | null = null;

  const show = async (token: string, signal: AbortSignal): Promise<Captcha> => {
    if (last?.token === token) return last;
    const call = { what: "the captcha page", method: "POST", body: {}, signal } as const;
    const { url } = await api.call(
      { ...call, path: `/v5/captcha/${encodeURIComponent(token)}/url` },
      captchaPageAnswer,
    );
    last = { token, page: pageForPeople(url, endpoint) };
    return last;
  };

  /** A token from before may have died; then the host is asked as if there had been none. */
  const first = async <T>(attempt: Attempt<T>): Promise<Passage<T>> => {
    const known = last;
    try {
      return await attempt(known?.token ?? null);
    } catch (error) {
      if (known === null || !(error instanceof AppError) || error.code !== "host_rejected") throw error;
      if (last === known) last = null;
      return attempt(null);
    }
  };

  const solve = async <T>(asker: Asker, attempt: Attempt<T>, met: Passage<T> | null): Promise<T> => {
    let passage = met ?? (await first(attempt));
    while (passage.kind === "captcha") {
      const captcha = await show(passage.token, asker.signal);
      if (open !== captcha) ring(captcha);
      await asker.person({ kind: "captcha", url: captcha.page });
      passage = await attempt(captcha.token);
    }
    oneAtATime = false;
    return passage.value;
  };

  /** Waits for a person with the one whose turn it is, page by page. */
  const follow = async (asker: Asker, leader: Promise<unknown>): Promise<void> => {
    for (let told: Captcha | null = null; turn === leader; ) {
      const rung = bell.promise;
      if (open === null || open === told) await rung;
      else {
        told = open;
        await asker.person({ kind: "captcha", url: told.page });
      }
    }
  };

  return {
    async pass<T>(asker: Asker, attempt: Attempt<T>): Promise<T> {
      for (;;) {
        let met: Passage<T> | null = null;
        if (!oneAtATime) {
          met = await first(attempt);
          if (met.kind === "passed") return met.value;
          oneAtATime = true;
        }
        if (turn === null) {
          const mine = solve(asker, attempt, met);
          turn = mine;
          try {
            return await mine;
          } finally {
            turn = null;
            ring(null);
          }
        }
        const ended = turn.catch(() => {});
        await unlessAborted(Promise.race([ended, follow(asker, turn)]), asker.signal);
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
