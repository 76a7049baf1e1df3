import { AppError } from "../../errors.ts";
import { assertUploadUrl } from "../../http/address.ts";
import { parseAnswer, retryAfterMs } from "../../http/parse.ts";
import { requestOnSite } from "../../http/redirect.ts";
import { type Answer, request } from "../../http/request.ts";
import { type Body, formBody } from "../../io/body.ts";
import type { AccountEndpoint, HostEnv } from "../host.ts";
import { actionAnswer } from "./schema.ts";
import { encodeSlug } from "./slug.ts";
import { wordsOf } from "./words.ts";

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** Leave to send one file. */
export interface UploadAction {
  /** Holds a bearer secret: never logged, never in a message. */
  readonly url: string;
  /** Bytes that may be sent, in fact what the account has left [O]; null when the host does not say. */
  readonly allowed: number | null;
  /** `env.now()` of the answer. */
  readonly at: number;
}

export interface FileToSend {
  readonly name: string;
  readonly body: Body;
  /** Bytes given so far: how long the answer may take grows with them. */
  readonly bytes: () => number;
}

/** UploadGig's two calls. Nothing is kept between them: no session, no cookie, no token [D]. */
export interface Client {
  /** A login, and it counts as one [O]. Fails with what the host said. */
  action(signal: AbortSignal): Promise<UploadAction>;
  send(action: UploadAction, file: FileToSend, signal: AbortSignal): Promise<Answer>;
}

const CONNECT_MS = 10_000;
/** Longer than this, the wait is the account's, not the request's. */
const LONG_WAIT_MS = 60_000;
/** A login refused for a while, although the password may be right [O]. */
const LOGIN_RATE_LIMIT = -3;

export function createClient(login: Login, endpoint: AccountEndpoint, env: HostEnv): Client {
  return {
    async action(signal) {
      const answer = await requestOnSite(
        env.fetch,
        {
          method: "POST",
          url: `${endpoint.baseUrl}/api/get_upload_action`,
          body: formBody({ user: login.user, pass: login.password }),
          signal,
          limits: {
            connectMs: CONNECT_MS,
            idleMs: env.idleTimeoutMs,
            answerMs: Math.min(env.idleTimeoutMs, env.answerTimeoutMs(0)),
          },
        },
        endpoint,
      );
      const granted = readAction(answer);
      const url = assertUploadUrl(granted.url, endpoint, { https: false });
      env.log(`UploadGig takes ${granted.allowed ?? "an unknown number of"} bytes at ${new URL(url).host}`);
      return { url, allowed: granted.allowed, at: env.now() };
    },
    async send(action, { name, body, bytes }, signal) {
      const answer = await request(env.fetch, {
        method: "POST",
        url: action.url,
        headers: { Slug: encodeSlug(name) },
        body,
        bulk: true,
        signal,
        limits: {
          connectMs: CONNECT_MS,
          idleMs: env.idleTimeoutMs,
          get answerMs() {
            return env.answerTimeoutMs(bytes());
          },
        },
      });
      env.log(`UploadGig answered HTTP ${answer.status}`);
      return answer;
    },
  };
}

function readAction(answer: Answer): Pick<UploadAction, "url" | "allowed"> {
  if (answer.status === 429 || answer.status >= 500) throw busy(answer);
  const { code, result } = parseAnswer("the login", actionAnswer, answer);
  if (code === 1) {
    if (typeof result !== "object" || result === null) {
      throw new AppError("host_protocol", "the answer to the login names no upload address");
    }
    return { url: result.action, allowed: result.allowed };
  }
  const hostMessage = typeof result === "string" ? result : undefined;
  if (code === LOGIN_RATE_LIMIT) {
    throw new AppError("rate_limited", "UploadGig refuses logins for a few minutes", {
      hostMessage,
      retry: { coolDownMs: retryAfterMs(answer.headers) },
    });
  }
  if (code === 0) {
    throw new AppError("host_auth", "UploadGig refused the login", {
      hostMessage,
      hint: "check the user name and the password",
    });
  }
  throw new AppError("host_rejected", `UploadGig gives no upload address (code ${code})`, { hostMessage });
}

/** 429 and 5xx, at either step. A long `Retry-After` holds for the whole account, a short one for this upload. */
export function busy(answer: Answer): AppError {
  const wait = retryAfterMs(answer.headers);
  if (answer.status === 429) {
    return new AppError("rate_limited", "UploadGig asks for fewer requests (HTTP 429)", {
      hostMessage: wordsOf(answer),
      retry: { coolDownMs: wait },
    });
  }
  return new AppError("host_unavailable", `UploadGig is out of order (HTTP ${answer.status})`, {
    hostMessage: wordsOf(answer),
    retry: wait === null ? {} : wait > LONG_WAIT_MS ? { coolDownMs: wait } : { afterMs: wait },
  });
}
