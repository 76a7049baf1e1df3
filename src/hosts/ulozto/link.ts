import { AppError } from "../../errors.ts";
import { assertUploadUrl } from "../../http/address.ts";
import { parseAnswer } from "../../http/parse.ts";
import type { Answer } from "../../http/request.ts";
import type { AccountEndpoint, HostEnv } from "../host.ts";
import { type Api, isSuccess } from "./api.ts";
import { type Asker, type CaptchaGate, createCaptchaGate, type Passage } from "./captcha.ts";
import { hostErrorOf, refusal, SESSION_EXPIRED } from "./refusal.ts";
import { linkAnswer } from "./schema.ts";

/** Where the bodies of one batch go. A bearer secret: it is never logged nor quoted. */
export interface UploadLink {
  /** Ends in a query, to which each file adds its own fields [D]. */
  readonly url: string;
  /** The batch's `private_slug`. */
  readonly batch: string;
  /** On the monotonic clock; infinite where the host does not say. */
  readonly expiresAt: number;
}

export interface Links {
  /** A link to a new batch, or a new link to `batch`. Waits for a person where the host wants a captcha solved. */
  request(asker: Asker, batch: string | null): Promise<UploadLink>;
  /** A new batch for one file in blocks [O]; the answer itself, because an unknown one means that there is no such API. */
  requestBlocks(asker: Asker): Promise<Answer>;
}

export function createLinks(api: Api, endpoint: AccountEndpoint, env: HostEnv): Links {
  const gate: CaptchaGate = createCaptchaGate(api, endpoint);

  const ask = async (
    signal: AbortSignal,
    batch: string | null,
    captchaToken: string | null,
  ): Promise<Passage<UploadLink>> => {
    const { user } = await api.account(signal);
    const askedAt = env.now();
    const answer = await api.exchange({
      what: "the upload link",
      method: "POST",
      path: "/v5/upload/link",
      body: {
        user_login: user,
        realm: "ulozto",
        ...(batch === null ? {} : { private_slug: batch }),
        ...(captchaToken === null ? {} : { captcha_token: captchaToken }),
      },
      signal,
    });
    const token = captchaIn(answer);
    if (token !== null) return { kind: "captcha", token };
    if (!isSuccess(answer)) throw refusal("the upload link", answer);
    const { upload_url, private_slug, validity_interval } = parseAnswer("the upload link", linkAnswer, answer);
    if (batch !== null && private_slug !== batch) {
      throw new AppError("host_protocol", "the renewed upload link belongs to another batch");
    }
    const interval = validity_interval ?? 0;
    return {
      kind: "passed",
      value: {
        url: assertUploadUrl(upload_url, endpoint, { https: true }),
        batch: private_slug,
        expiresAt: interval > 0 ? askedAt + interval * 1000 : Number.POSITIVE_INFINITY,
      },
    };
  };

  const askForBlocks = async (signal: AbortSignal, captchaToken: string | null): Promise<Passage<Answer>> => {
    const { user } = await api.account(signal);
    const answer = await api.exchange({
      what: "the upload link",
      method: "POST",
      path: "/v6/upload/link",
      body: { user_login: user, ...(captchaToken === null ? {} : { captcha_token: captchaToken }) },
      signal,
    });
    const token = captchaIn(answer);
    return token === null ? { kind: "passed", value: answer } : { kind: "captcha", token };
  };

  return {
    requestBlocks: (asker) => gate.pass(asker, (captchaToken) => askForBlocks(asker.signal, captchaToken)),
    request: (asker, batch) => gate.pass(asker, (captchaToken) => ask(asker.signal, batch, captchaToken)),
  };
}

/** The token of the captcha that stands before a link; null where there is none. */
function captchaIn(answer: Answer): string | null {
  const { number, captchaToken } = hostErrorOf(answer);
  return answer.status === 401 && number !== SESSION_EXPIRED ? captchaToken : null;
}

/** The address for one file: `number` is positive and its own within the batch [D]. */
export function bodyUrl(link: UploadLink, number: number): string {
  const url = new URL(link.url);
  url.hash = "";
  return `${url.href}${url.href.includes("?") ? "&" : "?"}batch_file_id=${number}&is_porn=false`;
}
