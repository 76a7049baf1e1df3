import { type Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import { AppError, toAppError } from "../errors.ts";
import { cuttingOff, isCutOff } from "./cut-off.ts";
import type { ServerDeps } from "./deps.ts";
import { type Asked, createGuard, type Guard } from "./guard.ts";
import { problem } from "./problem.ts";
import { createRefusalLog, type RefusalLog } from "./refusal-log.ts";
import type { Call, Route } from "./route.ts";
import { serverRoutes } from "./routes.ts";
import { targetOf } from "./target.ts";

/** What of Bun's server the routes use; tests of routes alone have none. */
export interface ServerBindings {
  readonly server?: { timeout(request: Request, seconds: number): void };
}

/** The HTTP application: no socket, nothing global. */
export interface Server {
  fetch(request: Request, bindings: ServerBindings): Promise<Response>;
}

/** A request on its way to its answer. */
interface Visit extends ServerBindings {
  readonly requestId: string;
  asked: Asked;
  /** As in the table. */
  route: string;
}

interface Env {
  Bindings: Visit;
}

/** Nothing of it may be kept, framed, or taken for something else. */
const EVERYWHERE = [
  ["x-content-type-options", "nosniff"],
  ["referrer-policy", "no-referrer"],
  ["cross-origin-resource-policy", "same-origin"],
] as const;

export function createServer(deps: ServerDeps): Server {
  const refused = createRefusalLog(deps.log);
  const guard = createGuard({
    settings: deps.settings,
    wire: deps.wire,
    draining: deps.draining,
    refused,
  });
  // Bun builds the URL's host from a header; the path is taken as it was sent.
  const app = new Hono<Env>({ getPath: (_, given) => given?.env?.asked.path ?? "" });
  // One handler a path and no middleware: Hono then calls it directly, at two thirds of the cost of composing.
  for (const [path, routes] of Map.groupBy(serverRoutes(deps), (route) => route.path)) {
    const place = { path, routes, params: placesOf(path) };
    const rest = routes.some((route) => route.rest);
    app.all(patternOf(path, rest), (c) => withLength(c, answer(c, { guard, closing: deps.closing }, place)));
  }
  const refuseWith = (visit: Visit, error: AppError) => refuse(visit, deps, refused, error);
  app.notFound((c) => withLength(c, refuseWith(c.env, new AppError("not_found", "there is nothing here"))));
  app.onError((thrown, c) => withLength(c, refuseWith(c.env, toAppError(thrown))));

  async function visited(visit: Visit): Promise<Response> {
    try {
      guard.assertPlace(visit.asked);
    } catch (thrown) {
      return refuseWith(visit, toAppError(thrown));
    }
    return await app.fetch(visit.asked.request, visit);
  }

  return {
    async fetch(request, bindings) {
      const began = performance.now();
      const requestId = crypto.randomUUID();
      const asked = { request, params: {}, ...targetOf(request.url) };
      const visit: Visit = { ...bindings, requestId, asked, route: "none" };
      const response = await visited(visit);
      const { headers, status } = response;
      for (const [name, value] of EVERYWHERE) headers.set(name, value);
      headers.set("x-request-id", requestId);
      if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
      const seconds = (performance.now() - began) / 1000;
      deps.metrics.request(methodLabel(request.method), visit.route, status, seconds);
      deps.log.debug("request", `${request.method} ${asked.path} ${status}`, { requestId });
      return isCutOff(request, status) ? cuttingOff(response, request) : response;
    },
  };
}

/** A path of the table. */
interface Place {
  readonly path: string;
  readonly routes: readonly Route[];
  readonly params: readonly ParamPlace[];
}

async function answer(
  c: Context<Env>,
  { guard, closing }: { readonly guard: Guard; readonly closing: AbortSignal },
  { path, routes, params }: Place,
): Promise<Response> {
  const visit = c.env;
  visit.route = path;
  if (params.length > 0) visit.asked = { ...visit.asked, params: paramsOf(params, visit.asked.path) };
  const { asked } = visit;
  const { request } = asked;
  const { method } = request;
  const methods = guard.methodsOf(routes, asked);
  const route = methods.includes(method)
    ? routes.find((each) => each.method === (method === "HEAD" ? "GET" : method))
    : undefined;
  if (route === undefined) {
    const error = new AppError("method", "this path does not take the method");
    return problem(error, { requestId: visit.requestId, headers: { allow: methods.join(", ") } });
  }
  const { leave, ...passed } = await guard.admit(route, asked);
  let held = false;
  try {
    const call: Call = {
      ...asked,
      ...passed,
      id: visit.requestId,
      get gone() {
        return AbortSignal.any([request.signal, closing]);
      },
      get wantsText() {
        return accepts(c, ACCEPTED) === "text/plain";
      },
      lift: () => visit.server?.timeout(request, 0),
      hold: () => {
        held = true;
        return leave;
      },
    };
    return await route.handle(call);
  } catch (error) {
    leave();
    throw error;
  } finally {
    if (!held) leave();
  }
}

const ACCEPTED = {
  header: "Accept",
  supports: ["application/json", "text/plain"],
  default: "application/json",
} as const satisfies Parameters<typeof accepts>[1];

function refuse(visit: Visit, { log, settings }: ServerDeps, refused: RefusalLog, error: AppError): Response {
  const { requestId, route, asked } = visit;
  // Whoever asked is gone; nobody reads the answer.
  if (asked.request.signal.aborted) return new Response(null, { status: 499 });
  if (error.code === "internal" || error.code === "config" || error.code === "state") {
    log.error("request.failed", causeOf(error), { requestId });
  }
  if (error.code !== "unauthorized") return problem(error, { requestId });
  const hook = route.startsWith("/hooks/") ? settings().hooks.get(asked.params.name ?? "")?.hook : undefined;
  refused.unproven(route, hook?.name ?? null, requestId);
  const challenge = hook?.auth?.kind === "basic" ? 'Basic realm="hoist"' : "Bearer";
  return problem(error, { requestId, headers: { "www-authenticate": challenge } });
}

function causeOf({ code, message, cause }: AppError): string {
  return code === "internal" && cause instanceof Error ? (cause.stack ?? cause.message) : message;
}

function patternOf(path: string, rest: boolean): string {
  const pattern = path.replaceAll(/\{(\w+)\}/g, ":$1");
  return rest ? pattern.replace(/:\w+$/, "*") : pattern;
}

/** Which part of a path stands for a parameter; the last part takes all the rest. */
interface ParamPlace {
  readonly name: string;
  readonly part: number;
  readonly last: boolean;
}

function placesOf(path: string): readonly ParamPlace[] {
  const parts = path.split("/");
  return parts.flatMap((each, part) => {
    const name = /^\{(\w+)\}$/.exec(each)?.[1];
    return name === undefined ? [] : [{ name, part, last: part === parts.length - 1 }];
  });
}

/** The parts of a path that stand for parameters, as they were sent. */
function paramsOf(places: readonly ParamPlace[], path: string): Readonly<Record<string, string>> {
  if (places.length === 0) return {};
  const parts = path.split("/");
  return Object.fromEntries(
    places.map(({ name, part, last }) => [name, last ? parts.slice(part).join("/") : (parts[part] ?? "")]),
  );
}

/** Hono cuts the body off the answer to a HEAD, and nothing would tell its length. */
async function withLength({ env }: Context<Env>, answer: Response | Promise<Response>): Promise<Response> {
  const whole = await answer;
  if (env.asked.request.method !== "HEAD") return whole;
  const body = await whole.arrayBuffer();
  const headers = new Headers(whole.headers);
  headers.set("content-length", String(body.byteLength));
  return new Response(body, { status: whole.status, headers });
}

/** Of a bounded number of values: a label is kept for ever. */
function methodLabel(method: string): string {
  return ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"].includes(method) ? method : "other";
}
