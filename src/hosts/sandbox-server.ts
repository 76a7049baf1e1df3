import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Hono } from "hono";
import { AppError } from "../errors.ts";
import { isLoopbackHost } from "../http/address.ts";
import type { Host } from "./host.ts";
import type { SandboxEnv } from "./sandbox.ts";
import { planFaults } from "./sandbox-faults.ts";
import { broken, faultStep, isBroken } from "./sandbox-steps.ts";
import { openSandboxStore } from "./sandbox-store.ts";

export interface SandboxOptions {
  /** By id. */
  readonly hosts: Readonly<Record<string, Pick<Host, "sandbox">>>;
  /** 0 takes a free one. */
  readonly port: number;
  /** As written: `[host.]step=fault[:n]`. */
  readonly faults: readonly string[];
  /** Received files are kept and served from here; null keeps none. */
  readonly storeDir: string | null;
  /** Told of every request when its answer is decided. */
  readonly observe?: (exchange: SandboxExchange) => void;
}

export interface SandboxExchange {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Headers;
  /** Null: the connection is broken instead. */
  readonly status: number | null;
}

export interface RunningSandbox extends AsyncDisposable {
  readonly origin: string;
  /** Environment that makes hoist use it, of all hosts. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends every connection; resolves when the port is free. */
  stop(): Promise<void>;
}

/** All simulated hosts on one origin of 127.0.0.1. Fails with `usage` (faults) or `state` (port). */
export async function startSandbox(options: SandboxOptions): Promise<RunningSandbox> {
  const sandboxes = await Promise.all(
    Object.entries(options.hosts).map(async ([id, host]) => ({ id, sandbox: await host.sandbox() })),
  );
  const plan = planFaults(options.faults, Object.fromEntries(sandboxes.map(({ id, sandbox }) => [id, sandbox.faults])));
  const store = openSandboxStore(options.storeDir);
  let origin = "";
  const app = new Hono<SandboxEnv>();
  for (const { id, sandbox } of sandboxes) {
    const step = (name: string) => faultStep(() => plan.take(id, name));
    app.route("/", sandbox.app({ origin: () => origin, store, step }));
  }
  app.notFound((c) => c.json({ error: 404, code: 404, message: "The sandbox has no such page." }, 404));
  app.onError((error) => ("getResponse" in error ? error.getResponse() : broken()));

  const server = createServer((incoming, outgoing) => {
    exchange(app, origin, incoming, outgoing, options.observe).catch(() => incoming.socket.destroy());
  });
  await listen(server, options.port);
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const stop = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return {
    origin,
    environment: Object.assign({}, ...sandboxes.map(({ sandbox }) => sandbox.environment(origin))),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function listen(server: Server, port: number): Promise<void> {
  // A slow upload is no attack here.
  server.requestTimeout = 0;
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      reject(
        new AppError("state", `the sandbox cannot listen on 127.0.0.1:${port}`, {
          hint: "choose another port",
          cause: error,
        }),
      );
    });
    server.listen(port, "127.0.0.1", resolve);
  });
}

/** node:http around the routes, because it can break a connection: Bun.serve always answers something. */
async function exchange(
  app: Hono<SandboxEnv>,
  origin: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  observe: SandboxOptions["observe"],
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  // A client that goes away ends the body's reader; there is nobody else to tell.
  incoming.on("error", () => {});
  const headers = headersOf(incoming);
  const method = incoming.method ?? "GET";
  const target = incoming.url ?? "/";
  const hasBody = headers.has("content-length") || headers.has("transfer-encoding");
  const request = new Request(origin + target, {
    method,
    headers,
    signal: gone.signal,
    ...(hasBody && method !== "GET" && method !== "HEAD"
      ? { body: Readable.toWeb(incoming) as unknown as ReadableStream, duplex: "half" }
      : {}),
  } as RequestInit);
  const response = isLoopbackHost(hostnameOf(incoming))
    ? await app.fetch(request)
    : new Response(null, { status: 421 });
  const breaks = isBroken(response) || gone.signal.aborted;
  observe?.({ method, target, headers, status: breaks ? null : response.status });
  if (breaks) {
    incoming.socket.destroy();
    return;
  }
  await send(response, outgoing);
  // Closing with unread bytes would reset the connection and take the answer with it.
  incoming.resume();
}

/** A download names its length and is passed on as it is read; every other answer is short. */
async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  const headers = Object.fromEntries(response.headers);
  if (response.body !== null && "content-length" in headers) {
    outgoing.writeHead(response.status, headers);
    await pipeline(Readable.fromWeb(response.body as never), outgoing);
  } else {
    const bytes = Buffer.from(await response.arrayBuffer());
    outgoing.writeHead(response.status, { ...headers, "content-length": String(bytes.length) }).end(bytes);
  }
}

/** A page that resolves its own name to this machine does not get in. */
function hostnameOf(incoming: IncomingMessage): string {
  const authority = `http://${incoming.headers.host ?? ""}`;
  return URL.canParse(authority) ? new URL(authority).hostname : "";
}

function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers();
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    headers.append(incoming.rawHeaders[index] ?? "", incoming.rawHeaders[index + 1] ?? "");
  }
  return headers;
}
