import { AppError, errorView } from "../../src/errors.ts";
import { view } from "../outbox/fixture.ts";
import { type Ran, run } from "./fixture.ts";

/** What a server was asked. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Headers;
  readonly body: string;
}

export type Answer = (asked: Asked, index: number) => Response | Promise<Response>;

const mayRead: Answer = () => Response.json({ v: 1, jobs: [], next: null });

/** A server that answers as told, on TCP or on a socket; whether its jobs may be read is a question of its own. */
export function fakeServer(answer: Answer, socket?: string, onLook = mayRead) {
  const asked: Asked[] = [];
  const fetch = async (request: Request) => {
    const { pathname, searchParams } = new URL(request.url);
    const query = Object.fromEntries(searchParams);
    const one = { method: request.method, path: pathname, query, headers: request.headers, body: await request.text() };
    if (request.method === "GET" && `${pathname}?${searchParams}` === "/v1/jobs?limit=1") return onLook(one, 0);
    asked.push(one);
    return answer(one, asked.length - 1);
  };
  const server =
    socket === undefined ? Bun.serve({ hostname: "127.0.0.1", port: 0, fetch }) : Bun.serve({ unix: socket, fetch });
  const url = socket === undefined ? `http://127.0.0.1:${server.port}` : `unix:${socket}`;
  return { asked, url, [Symbol.asyncDispose]: () => server.stop(true) };
}
/** The command line on that server, with a state directory of its own. */
export function runOn(
  { url }: { readonly url: string },
  stateDir: string,
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<Ran> {
  return run(argv, { env: { HOIST_SERVER: url, HOIST_STATE_DIR: stateDir, ...env } });
}

export const QUEUED = view(
  { state: "queued", startedAt: null, finishedAt: null },
  { state: "queued", ok: null, url: null },
);
export const RUNNING = view({ state: "running", finishedAt: null }, { state: "running", ok: null, url: null });
export const DONE = view();
export const FAILED = view(
  { state: "failed" },
  {
    state: "failed",
    ok: false,
    url: null,
    error: errorView(new AppError("host_quota", "the account is full", { hostMessage: "No space" })),
  },
);

/** The server's events as they would come, then the connection ends. */
export function events(...messages: readonly (readonly [string, unknown])[]): Response {
  const text = messages.map(([event, data], id) => `id: ${id + 1}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  return new Response(`: hello\n\n${text.join("")}`, { headers: { "content-type": "text/event-stream" } });
}

export function problem(status: number, code: string, detail: string): Response {
  const body = { type: "about:blank", title: "", status, detail, code, retryable: false, requestId: "r1" };
  return Response.json(body, { status, headers: { "content-type": "application/problem+json" } });
}
