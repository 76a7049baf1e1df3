import { AppError } from "../errors.ts";
import { type Crowd, createCrowd, createWaitingRoom } from "./crowd.ts";
import { type Grant, NOBODY, socketGrant } from "./grant.ts";
import { signsBody, verifyHook } from "./hooks/auth.ts";
import { takesContentType } from "./hooks/payload.ts";
import { parseJson } from "./input.ts";
import { declaredLength, readBody, tooLarge } from "./read-body.ts";
import type { RefusalLog } from "./refusal-log.ts";
import type { Route } from "./route.ts";
import type { ServedHook, ServerSettings } from "./settings.ts";
import type { Wire } from "./wire.ts";

/** Bytes of a JSON or hook body. */
export const BODY_LIMIT = 64 * 1024;

const MOST = { requests: 64, streams: 64, files: 8 } as const;
/** Signed messages whose body is still coming. */
const MOST_UNPROVEN = 64;

export interface GuardOptions {
  readonly settings: () => ServerSettings;
  readonly wire: () => Wire;
  readonly draining: () => boolean;
  readonly refused: Pick<RefusalLog, "host" | "origin">;
}

/** A request as far as its head tells. */
export interface Asked {
  readonly request: Request;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/** What the guard has found out about a request it lets pass. */
export interface Passed {
  readonly grant: Grant;
  readonly input: unknown;
  readonly payload: Uint8Array;
  readonly messageId: string | null;
  /** Gives the place in the crowd back. */
  leave(): void;
}

/**
 * Every check a request goes through before its route sees it, each in its place: host, origin, method, credentials,
 * room, size, content type, signature, JSON. Fails with the AppError of the first that does not hold.
 */
export interface Guard {
  /** Before it is known whether there is such a route. */
  assertPlace(asked: Asked): void;
  /** The methods of a path. Fails with `not_found` for a hook that is not there. */
  methodsOf(routes: readonly Route[], asked: Asked): readonly string[];
  admit(route: Route, asked: Asked): Promise<Passed>;
}

export function createGuard({ settings, wire, draining, refused }: GuardOptions): Guard {
  const crowds: Readonly<Record<keyof typeof MOST, Crowd>> = {
    requests: createCrowd(MOST.requests),
    streams: createCrowd(MOST.streams),
    files: createCrowd(MOST.files),
  };
  const unproven = createWaitingRoom(MOST_UNPROVEN);

  function assertHost({ request }: Asked): void {
    const reached = wire();
    if (reached.kind === "unix") return;
    const host = request.headers.get("host") ?? "";
    const { hosts, publicOrigin } = settings();
    const name = host.toLowerCase();
    if (reached.hosts.has(name) || hosts.has(name)) return;
    if (publicOrigin !== null && name === new URL(publicOrigin).host) return;
    refused.host(host);
    throw new AppError("misdirected", "this server does not go by that name; its log says what to configure");
  }

  /** Where the proxy has TLS, a page that was loaded from its name without TLS may be anybody's. */
  function ownOrigins(name: string): readonly (string | null)[] {
    const { hosts, publicOrigin } = settings();
    const isProxy = publicOrigin !== null && name === new URL(publicOrigin).host && !hosts.has(name);
    return isProxy ? [publicOrigin] : [`http://${name}`, publicOrigin];
  }

  /** A web page that is not ours may not make its visitor's browser talk to this server. */
  function assertOrigin({ request, path }: Asked): void {
    const { headers } = request;
    const origin = headers.get("origin");
    const own = ownOrigins((headers.get("host") ?? "").toLowerCase());
    const site = headers.get("sec-fetch-site");
    const known = origin === null || own.includes(origin);
    const sameSite = site === null || site === "none" || site === "same-origin";
    if (known && (sameSite || isNavigation(request, path))) return;
    refused.origin(origin ?? `Sec-Fetch-Site: ${site}`);
    throw new AppError("forbidden", "requests of other web pages are not taken");
  }

  function hookOf({ params }: Asked): ServedHook {
    const hook = settings().hooks.get(params.name ?? "");
    if (hook === undefined) throw new AppError("not_found", "there is no such hook");
    return hook;
  }

  function grantOf({ headers }: Request): Grant {
    const { doorman, roots } = settings();
    const authorization = headers.get("authorization");
    const token = doorman(authorization);
    if (wire().kind === "tcp") {
      if (token === null) throw new AppError("unauthorized", whyUnknown(authorization));
      return token;
    }
    const socket = socketGrant(roots);
    return token === null ? socket : { ...token, scopes: socket.scopes.union(token.scopes) };
  }

  function enter(route: Route): () => void {
    // Whether the server is alive must be known above all when it is busy.
    if (route.crowd === "none") return () => {};
    // What only looks is answered to the end: whoever stops the server wants to know what still runs.
    if (draining() && !isSafe(route)) throw new AppError("draining", "the server is stopping");
    const leave = crowds[route.crowd].enter();
    if (leave === null) throw new AppError("rate_limited", "too many requests at once");
    return leave;
  }

  function passed(grant: Grant, leave: () => void, found: Partial<Passed> = {}): Passed {
    return { grant, leave, input: null, payload: new Uint8Array(), messageId: null, ...found };
  }

  async function admitHook(route: Route, asked: Asked): Promise<Passed> {
    const { request, query } = asked;
    const { hook, submitter } = hookOf(asked);
    const { auth } = hook;
    const grant: Grant = { name: submitter.name, scopes: new Set(["submit"]), roots: submitter.roots };
    const prove = (body: Uint8Array): string | null => {
      if (auth === null) {
        assertScope(grantOf(request), "submit");
        return null;
      }
      const verdict = verifyHook(auth, { headers: request.headers, query, body });
      if (verdict.ok) return verdict.id;
      throw new AppError("unauthorized", "the request does not prove where it comes from");
    };
    const inBody = auth !== null && signsBody(auth);
    if (!inBody) prove(new Uint8Array());
    if (inBody && draining()) throw new AppError("draining", "the server is stopping");
    const leave = inBody ? null : enter(route);
    try {
      assertLength(request);
      const contentType = request.headers.get("content-type");
      if (isEncoded(request) || !takesContentType(hook, { method: request.method, contentType })) {
        throw new AppError("unsupported_type", "a hook takes JSON or a form");
      }
      const payload = leave === null ? await readUnproven(request) : await readBody(request, BODY_LIMIT);
      const messageId = leave === null ? prove(payload) : null;
      return passed(grant, leave ?? enter(route), { payload, messageId });
    } catch (error) {
      leave?.();
      throw error;
    }
  }

  async function readUnproven(request: Request): Promise<Uint8Array> {
    const place = unproven.enter();
    try {
      return await readBody(request, BODY_LIMIT, place.signal);
    } finally {
      place.leave();
    }
  }

  return {
    assertPlace(asked) {
      assertHost(asked);
      assertOrigin(asked);
    },
    methodsOf(routes, asked) {
      if (routes.some(({ access }) => access === "hook")) return hookOf(asked).hook.methods;
      const methods = routes.map(({ method }) => method);
      return routes.some(isSafe) ? ["GET", "HEAD", ...methods.filter((each) => each !== "GET")] : methods;
    },
    async admit(route, asked) {
      const { request } = asked;
      if (route.access === "hook") return admitHook(route, asked);
      const grant = route.access === "open" ? NOBODY : grantOf(request);
      if (route.access !== "open") assertScope(grant, route.access);
      const leave = enter(route);
      try {
        if (route.body.kind !== "json") return passed(grant, leave);
        assertLength(request);
        if (isEncoded(request) || !isJson(request)) {
          throw new AppError("unsupported_type", "this route takes application/json");
        }
        return passed(grant, leave, { input: parseJson(await readBody(request, BODY_LIMIT)) });
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}

/** A GET that changes nothing and ends by itself can be asked for its head alone. */
function isSafe({ method, access, crowd }: Route): boolean {
  return method === "GET" && access !== "hook" && crowd !== "streams";
}

/** A person who follows a link to the page from elsewhere. */
function isNavigation({ method, headers }: Request, path: string): boolean {
  return (
    path === "/" &&
    (method === "GET" || method === "HEAD") &&
    headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document"
  );
}

function assertScope({ scopes }: Grant, scope: Grant["scopes"] extends ReadonlySet<infer S> ? S : never): void {
  if (!scopes.has(scope)) {
    throw new AppError("forbidden", `this needs the scope ${scope}, which the token does not have`);
  }
}

/** Whether a token was sent is no secret; whether it was nearly right is. */
function whyUnknown(authorization: string | null): string {
  return /^bearer +\S/i.test(authorization ?? "")
    ? "the token is none of this server's"
    : "a token is needed, as Authorization: Bearer TOKEN";
}

function assertLength(request: Request): void {
  if ((declaredLength(request) ?? 0) > BODY_LIMIT) throw tooLarge(BODY_LIMIT);
}

function isJson({ headers }: Request): boolean {
  return (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() === "application/json";
}

function isEncoded({ headers }: Request): boolean {
  const encoding = headers.get("content-encoding");
  return encoding !== null && encoding.toLowerCase() !== "identity";
}
