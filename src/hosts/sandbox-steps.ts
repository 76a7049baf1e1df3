import type { Context, MiddlewareHandler } from "hono";
import type { SandboxEnv } from "./sandbox.ts";
import { type StatusFault, statusFault } from "./sandbox-faults.ts";
import { rawChunks } from "./sandbox-receive.ts";

const SLOW_BYTES_PER_SECOND = 1024 * 1024;
const SLOW_ANSWER_MS = 1000;

/** Never sent: tells the server around the routes to break the connection instead of answering. */
const BREAK = "hoist-sandbox-break";

export function isBroken(response: Response): boolean {
  return response.headers.has(BREAK);
}

/** An answer that never comes: the connection ends without it. */
export function broken(): Response {
  return new Response(null, { status: 500, headers: { [BREAK]: "1" } });
}

/** Carries out the faults that mean the same for every host; the others are the route's. */
export function faultStep(take: () => string | null): MiddlewareHandler<SandboxEnv> {
  return async (c, next) => {
    const fault = take();
    c.set("fault", fault);
    if (fault === null) return next();
    const status = statusFault(fault);
    if (status !== null) return answerStatus(c, status);
    switch (fault) {
      case "html":
        await drain(c.req.raw);
        return c.html("<!doctype html><title>Maintenance</title><p>We are back soon.");
      case "redirect":
        await drain(c.req.raw);
        return c.redirect(new URL(c.req.url).pathname + new URL(c.req.url).search, 307);
      case "reset":
        return broken();
      case "stall":
        await aborted(c.req.raw.signal);
        return broken();
      case "hang":
        await drain(c.req.raw);
        await aborted(c.req.raw.signal);
        return broken();
      case "truncated":
        await next();
        return replace(c, await half(c.res));
      case "lost":
        await next();
        return replace(c, broken());
      case "slow":
        c.req.raw = slowed(c.req.raw);
        await next();
        await Bun.sleep(SLOW_ANSWER_MS);
        return;
      default:
        return next();
    }
  };
}

async function answerStatus(c: Context<SandboxEnv>, { status, early, retryAfter }: StatusFault): Promise<Response> {
  if (!early) await drain(c.req.raw);
  return Response.json(
    { error: status, code: status, message: `The sandbox was told to answer ${status}.` },
    { status, headers: retryAfter === null ? {} : { "Retry-After": String(retryAfter) } },
  );
}

/** Hono merges the headers of a response it already has into the next one, unless there is none. */
function replace(c: Context<SandboxEnv>, response: Response): void {
  c.res = undefined;
  c.res = response;
}

async function half(response: Response): Promise<Response> {
  const text = await response.text();
  return new Response(text.slice(0, Math.floor(text.length / 2)), {
    status: response.status,
    headers: { "Content-Type": response.headers.get("content-type") ?? "application/json" },
  });
}

async function drain(request: Request): Promise<void> {
  for await (const _ of rawChunks(request)) {
    // Only its end matters.
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function slowed(request: Request): Request {
  if (request.body === null) return request;
  const paced = async function* () {
    for await (const chunk of rawChunks(request)) {
      await Bun.sleep((chunk.byteLength / SLOW_BYTES_PER_SECOND) * 1000);
      yield chunk;
    }
  };
  return new Request(request, { body: paced() as unknown as ReadableStream, duplex: "half" } as RequestInit);
}
