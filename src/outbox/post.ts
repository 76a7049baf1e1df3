import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { AppError } from "../errors.ts";
import { classifyFetchError } from "../http/failure.ts";

export interface Message {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Milliseconds from the first step of a try to the end of the answer. */
export const ANSWER_WITHIN_MS = 10_000;
/** What is longer is not read to its end; nothing of it is used or shown anyway. */
const MOST_ANSWER_BYTES = 64 * 1024;

/** Sends one message; resolves with the status. Redirects are answers. Fails with `network`, `certificate` or `timeout`. */
export type Post = (message: Message, signal: AbortSignal) => Promise<number>;

/**
 * To one of `addresses` and nowhere else, whatever the URL's name means by now, and past every proxy. Host header, SNI
 * and certificate are those of the URL. The next address counts only when there is no connection to the one before.
 */
export async function postTo(addresses: readonly string[], message: Message, signal: AbortSignal): Promise<number> {
  const { host } = new URL(message.url);
  for (const [index, address] of addresses.entries()) {
    try {
      return await postToAddress(address, message, signal);
    } catch (error) {
      if (index < addresses.length - 1 && isUnreachable(error)) continue;
      throw signal.aborted ? signal.reason : classifyFetchError(error, host);
    }
  }
  throw new AppError("network", `${host}: the name could not be resolved`);
}

function postToAddress(address: string, { url, headers, body }: Message, signal: AbortSignal): Promise<number> {
  const { protocol, hostname, host, port, pathname, search } = new URL(url);
  const secure = protocol === "https:";
  const done = Promise.withResolvers<number>();
  const request = (secure ? requestHttps : requestHttp)({
    method: "POST",
    host: address,
    port: port === "" ? (secure ? 443 : 80) : Number(port),
    path: pathname + search,
    headers: { ...headers, Host: host, "Content-Length": Buffer.byteLength(body), Connection: "close" },
    agent: false,
    ...(secure ? { rejectUnauthorized: true, ...serverName(hostname) } : {}),
  });
  const stop = () => request.destroy(signal.reason instanceof Error ? signal.reason : new Error("stopped"));
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  request.on("error", done.reject);
  request.on("response", (response) => {
    let bytes = 0;
    const end = () => done.resolve(response.statusCode ?? 0);
    response.on("data", (chunk: Uint8Array) => {
      bytes += chunk.byteLength;
      if (bytes <= MOST_ANSWER_BYTES) return;
      end();
      request.destroy();
    });
    response.on("end", end);
    response.on("error", done.reject);
  });
  request.end(body);
  return done.promise.finally(() => {
    signal.removeEventListener("abort", stop);
    // What the socket says later is nobody's.
    request.on("error", () => {});
  });
}

/** An address has no name that a server could choose its certificate by. */
function serverName(hostname: string): { readonly servername?: string } {
  return isIP(hostname.replace(/^\[(.*)\]$/, "$1")) === 0 ? { servername: hostname.replace(/\.$/, "") } : {};
}

const UNREACHABLE = new Set(["ECONNREFUSED", "ConnectionRefused", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL"]);

function isUnreachable(error: unknown): boolean {
  return error instanceof Error && "code" in error && UNREACHABLE.has(String(error.code));
}

/** By name, through a proxy if the environment has one: for addresses that the administrator chose. */
export function postByName(fetcher: typeof fetch): Post {
  return async ({ url, headers, body }, signal) => {
    try {
      const init = { method: "POST", headers, body, redirect: "manual", signal, keepalive: false } as const;
      const response = await fetcher(url, init);
      await discard(response);
      return response.status;
    } catch (error) {
      throw signal.aborted ? signal.reason : classifyFetchError(error, new URL(url).host);
    }
  };
}

async function discard({ body }: Response): Promise<void> {
  if (body === null) return;
  let bytes = 0;
  for await (const chunk of body as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the rest.
    if (bytes > MOST_ANSWER_BYTES) return;
  }
}

/** `signal`, or the end of the patience for one try. Call `clear` when it is over. */
export function within(ms: number, signal: AbortSignal): { readonly signal: AbortSignal; clear(): void } {
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(new AppError("timeout", `no answer within ${Math.round(ms / 1000)} s`));
  }, ms);
  const stop = () => limit.abort(new AppError("cancelled", "stopped"));
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  return {
    signal: limit.signal,
    clear() {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    },
  };
}
