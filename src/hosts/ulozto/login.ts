import { AppError } from "../../errors.ts";
import { parseAnswer } from "../../http/parse.ts";
import type { Answer } from "../../http/request.ts";
import type { HostEnv } from "../host.ts";
import { isSuccess, type Send } from "./api.ts";
import { createFlight } from "./flight.ts";
import { hostErrorOf, refusal } from "./refusal.ts";
import { loginAnswer, type UloztoCredentials } from "./schema.ts";

/** What a login gives; kept in memory only. */
export interface Login {
  /** The value of `X-User-Token`. */
  readonly session: string;
  /** The name that paths and bodies want. */
  readonly user: string;
  readonly rootFolder: string;
  /** On the monotonic clock; infinite where the host does not say. */
  readonly expiresAt: number;
}

export interface Logins {
  /** The session under way, or a new one. */
  current(signal: AbortSignal): Promise<Login>;
  /** A session other than `stale`: one login, shared by all who have noticed that theirs has expired. */
  renew(stale: Login, signal: AbortSignal): Promise<Login>;
}

/** A way to log in: how the call looks, and whether the host has the word for "wrong credentials" ready. */
type Way = "session" | "token";

/** One for all accounts of this process; the host asks for it with a login token [O]. */
const DEVICE_ID = crypto.randomUUID();

export function createLogins(credentials: UloztoCredentials, send: Send, env: HostEnv): Logins {
  const secret = credentials.token ?? credentials.password ?? "";
  let ways: readonly Way[] = credentials.token === undefined ? ["session"] : ["token", "session"];
  let login: Login | null = null;

  const flight = createFlight(async (signal) => {
    let refused: Answer | null = null;
    for (const way of ways) {
      const askedAt = env.now();
      const answer = await send(callFor(way, credentials.user, secret, signal), null);
      if (isSuccess(answer)) {
        const given = parseAnswer("the login", loginAnswer, answer);
        const interval = given.token_validity_interval ?? 0;
        login = {
          session: given.token_id,
          user: given.session.user.login ?? credentials.user,
          rootFolder: given.session.user.root_folder_slug,
          expiresAt: interval > 0 ? askedAt + interval * 1000 : Number.POSITIVE_INFINITY,
        };
        ways = [way];
        return login;
      }
      if (!refusesCredentials(way, answer.status)) throw refusal("the login", answer);
      refused = answer;
    }
    throw notAccepted(refused);
  });

  return {
    async current(signal) {
      if (login !== null && env.now() < login.expiresAt) return login;
      return flight.join(signal);
    },
    async renew(stale, signal) {
      if (login !== null && login !== stale) return login;
      return flight.join(signal);
    },
  };
}

/** A token has a call of its own [O]; the documented way sends it in place of the password [D]. */
function callFor(way: Way, user: string, secret: string, signal: AbortSignal) {
  return way === "token"
    ? ({
        what: "the login",
        method: "POST",
        path: "/v6/auth/token",
        body: { login: user, token: secret, device_id: DEVICE_ID },
        signal,
      } as const)
    : ({
        what: "the login",
        method: "PUT",
        path: "/v6/session",
        body: { login: user, password: secret },
        signal,
      } as const);
}

/** The undocumented call may also be gone: then the documented one decides. */
function refusesCredentials(way: Way, status: number): boolean {
  const words = way === "token" ? [400, 401, 403, 404, 405, 410, 422] : [400, 401, 403];
  return words.includes(status);
}

function notAccepted(answer: Answer | null): AppError {
  return new AppError("host_auth", "Ulož.to does not accept the login", {
    hint: "check the user name and the token (or password), then run hoist account check",
    hostMessage: answer === null ? undefined : (hostErrorOf(answer).message ?? undefined),
  });
}
