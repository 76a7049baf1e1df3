import type * as v from "valibot";
import { AppError } from "../../errors.ts";
import { parseAnswer } from "../../http/parse.ts";
import { type Answer, type RequestLimits, request } from "../../http/request.ts";
import { jsonBody } from "../../io/body.ts";
import type { AccountEndpoint, HostEnv } from "../host.ts";
import type { Login, Logins } from "./login.ts";
import { hostErrorOf, refusal, SESSION_EXPIRED } from "./refusal.ts";

export interface ApiCall {
  /** What is asked for, as a message names it: "the upload link". */
  readonly what: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the base URL, query included. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Bytes of the longest answer taken; as `request` has it, where nothing is said. */
  readonly maxAnswer?: number;
}

/** Sends one call as this application, with or without a session; the answer may have any status. */
export type Send = (call: ApiCall, session: string | null) => Promise<Answer>;

export interface Api {
  /** The account as its login describes it; logs in first if need be. */
  account(signal: AbortSignal): Promise<Login>;
  /** One call within the session, repeated once after a new login where the session has expired. Any status. */
  exchange(call: ApiCall): Promise<Answer>;
  /** The same for calls that must succeed: the answer as `schema` wants it. */
  call<const S extends v.GenericSchema>(call: ApiCall, schema: S): Promise<v.InferOutput<S>>;
}

const CONNECT_MS = 10_000;
/** No API call has anything to do that takes longer; bodies of files have their own limit. */
const LONGEST_ANSWER_MS = 60_000;

export function limitsFor(env: HostEnv, answerMs: number): RequestLimits {
  return { connectMs: CONNECT_MS, idleMs: env.idleTimeoutMs, answerMs };
}

/** The only place that adds `X-Auth-Token` and `X-User-Token`; both go to the base URL and nowhere else [O]. */
export function createSend(endpoint: AccountEndpoint, apiKey: string, env: HostEnv): Send {
  const limits = limitsFor(env, Math.min(LONGEST_ANSWER_MS, env.answerTimeoutMs(0)));
  return ({ method, path, body, headers, signal, maxAnswer }, session) =>
    request(env.fetch, {
      method,
      url: endpoint.baseUrl + path,
      headers: { ...headers, "X-Auth-Token": apiKey, ...(session === null ? {} : { "X-User-Token": session }) },
      ...(body === undefined ? {} : { body: jsonBody(body) }),
      signal,
      limits,
      pooled: true,
      ...(maxAnswer === undefined ? {} : { maxAnswer }),
    });
}

export function createApi(send: Send, logins: Logins): Api {
  const exchange = async (call: ApiCall): Promise<Answer> => {
    const login = await logins.current(call.signal);
    const answer = await send(call, login.session);
    if (!hasExpired(answer)) return answer;
    const renewed = await logins.renew(login, call.signal);
    const again = await send(call, renewed.session);
    if (!hasExpired(again)) return again;
    throw new AppError("host_auth", "Ulož.to does not accept the session it has just given", {
      hint: "check the account's login and token, then run hoist account check",
      hostMessage: hostErrorOf(again).message ?? undefined,
    });
  };
  return {
    account: (signal) => logins.current(signal),
    exchange,
    async call(call, schema) {
      const answer = await exchange(call);
      if (!isSuccess(answer)) throw refusal(call.what, answer);
      return parseAnswer(call.what, schema, answer);
    },
  };
}

export function isSuccess(answer: Answer): boolean {
  return answer.status >= 200 && answer.status < 300;
}

function hasExpired(answer: Answer): boolean {
  return answer.status === 401 && hostErrorOf(answer).number === SESSION_EXPIRED;
}
