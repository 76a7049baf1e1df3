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

interface Env {
  Bindings: ServerBindings;
  Variables: { readonly requestId: string; asked: Asked; route: string };
}

/** Nothing of it may be kept, framed, or taken for something else. */
const EVERYWHERE = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** The HTTP application: no socket, nothing global. */
export function createServer(deps: ServerDeps): Hono<Env> {
  const refused = createRefusalLog(deps.log);
  const guard = createGuard({
    settings: deps.settings,
    wire: deps.wire,
    draining: deps.draining,
    refused,
  });
  // Bun builds the URL's host from a header; the path is taken as it was sent.
  const app = new Hono<Env>({ getPath: (request) => targetOf(request.url).path });

  app.use("*", async (c, next) => {
    const began = performance.now();
    const id = crypto.randomUUID();
    c.set("requestId", id);
    c.set("asked", { request: c.req.raw, params: {}, ...targetOf(c.req.raw.url) });
    c.set("route", "none");
    await next();
    for (const [name, value] of Object.entries(EVERYWHERE)) c.res.headers.set(name, value);
    c.res.headers.set("x-request-id", id);
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
    if (c.req.method === "HEAD") c.res = await withLength(c.res);
    if (isCutOff(c.req.raw, c.res.status)) c.res = await cuttingOff(c.res, c.req.raw);
    const seconds = (performance.now() - began) / 1000;
    deps.metrics.request(methodLabel(c.req.method), c.get("route"), c.res.status, seconds);
    deps.log.debug("request", `${c.req.method} ${c.get("asked").path} ${c.res.status}`, { requestId: id });
  });
  app.use("*", async (c, next) => {
    guard.assertPlace(c.get("asked"));
    await next();
  });

  for (const [path, routes] of Map.groupBy(serverRoutes(deps), (route) => route.path)) {
    const rest = routes.some((route) => route.rest);
    app.all(patternOf(path, rest), (c) => answer(c, { guard, closing: deps.closing }, path, routes));
  }
  app.notFound((c) => refuse(c, deps, refused, new AppError("not_found", "there is nothing here")));
  app.onError((thrown, c) => refuse(c, deps, refused, toAppError(thrown)));
  return app;
}

async function answer(
  c: Context<Env>,
  { guard, closing }: { readonly guard: Guard; readonly closing: AbortSignal },
  path: string,
  routes: readonly Route[],
): Promise<Response> {
  c.set("route", path);
  const asked: Asked = { ...c.get("asked"), params: paramsOf(path, c.get("asked").path) };
  c.set("asked", asked);
  const { method } = c.req;
  const methods = guard.methodsOf(routes, asked);
  const route = methods.includes(method)
    ? routes.find((each) => each.method === (method === "HEAD" ? "GET" : method))
    : undefined;
  if (route === undefined) {
    const error = new AppError("method", "this path does not take the method");
    return problem(error, { requestId: c.get("requestId"), headers: { allow: methods.join(", ") } });
  }
  const { leave, ...passed } = await guard.admit(route, asked);
  let held = false;
  try {
    const call: Call = {
      ...asked,
      ...passed,
      id: c.get("requestId"),
      get gone() {
        return AbortSignal.any([c.req.raw.signal, closing]);
      },
      wantsText: accepts(c, ACCEPTED) === "text/plain",
      lift: () => c.env?.server?.timeout(c.req.raw, 0),
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

function refuse(c: Context<Env>, { log, settings }: ServerDeps, refused: RefusalLog, error: AppError): Response {
  const requestId = c.get("requestId");
  // Whoever asked is gone; nobody reads the answer.
  if (c.req.raw.signal.aborted) return new Response(null, { status: 499 });
  if (error.code === "internal" || error.code === "config" || error.code === "state") {
    log.error("request.failed", causeOf(error), { requestId });
  }
  if (error.code !== "unauthorized") return problem(error, { requestId });
  const route = c.get("route");
  const hook = route.startsWith("/hooks/") ? settings().hooks.get(c.get("asked").params.name ?? "")?.hook : undefined;
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

/** The parts of a path that stand for parameters, as they were sent; the last one takes what is left. */
function paramsOf(pattern: string, path: string): Readonly<Record<string, string>> {
  const names = pattern.split("/");
  const parts = path.split("/");
  return Object.fromEntries(
    names.flatMap((name, index) => {
      const key = /^\{(\w+)\}$/.exec(name)?.[1];
      if (key === undefined) return [];
      return [[key, index === names.length - 1 ? parts.slice(index).join("/") : (parts[index] ?? "")]];
    }),
  );
}

/** Hono cuts the body off the answer to a HEAD, and nothing would tell its length. */
async function withLength(answer: Response): Promise<Response> {
  const body = await answer.arrayBuffer();
  const headers = new Headers(answer.headers);
  headers.set("content-length", String(body.byteLength));
  return new Response(body, { status: answer.status, headers });
}

/** Of a bounded number of values: a label is kept for ever. */
function methodLabel(method: string): string {
  return ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"].includes(method) ? method : "other";
}
