import { AppError, toAppError } from "../errors.ts";
import type { Body } from "../io/body.ts";
import { classifyFetchError } from "./failure.ts";
import { proxyOf } from "./proxy.ts";
import type { TransportInit } from "./transport.ts";

export interface RequestLimits {
  /** Milliseconds until connected, TLS handshake included. */
  readonly connectMs: number;
  /** Milliseconds without the socket taking a byte while bytes are still to be handed over. */
  readonly idleMs: number;
  /** Milliseconds from the last byte of the request to the last byte of the answer. */
  readonly answerMs: number;
}

export interface RequestSpec {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
  readonly signal: AbortSignal;
  readonly limits: RequestLimits;
  /** Answers longer than this many bytes fail with `host_protocol`. Default 1 MiB. */
  readonly maxAnswer?: number;
  /** Whether the connection may be shared with other requests. PUT, DELETE and upload bodies never are. */
  readonly pooled?: boolean;
  /** The body is a file, and worth a connection that carries nothing else. */
  readonly bulk?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const MAX_ANSWER = 1024 * 1024;

/**
 * One request, one answer: redirects are not followed, nothing is re-sent behind our back, and a stall ends in
 * `timeout`. Whether the host may hold the whole body afterwards is `spec.body.complete`.
 * Fails with `network`, `timeout`, `certificate`, `cancelled`, `host_protocol`, or with what the body itself threw.
 */
export async function request(fetcher: typeof fetch, spec: RequestSpec): Promise<Answer> {
  const where = new URL(spec.url).host;
  const abort = new AbortController();
  const stop = () => abort.abort(new AppError("cancelled", "the upload was stopped"));
  if (spec.signal.aborted) stop();
  spec.signal.addEventListener("abort", stop, { once: true });
  const watchdog = watch(spec, where, (error) => abort.abort(error));
  try {
    abort.signal.throwIfAborted();
    await spec.body?.prepare();
    const response = await exchange(fetcher, spec, abort.signal);
    watchdog.answered();
    return {
      status: response.status,
      headers: response.headers,
      text: await readCapped(response, spec.maxAnswer ?? MAX_ANSWER, where),
    };
  } catch (error) {
    throw classifyFetchError(abort.signal.aborted ? abort.signal.reason : error, where);
  } finally {
    watchdog.stop();
    spec.signal.removeEventListener("abort", stop);
  }
}

function exchange(fetcher: typeof fetch, spec: RequestSpec, signal: AbortSignal): Promise<Response> {
  const { method, url, body, bulk = false, pooled = false } = spec;
  const init: TransportInit = {
    method,
    headers: headersOf(spec),
    redirect: "manual",
    signal,
    // Bun re-sends PUT and DELETE on a dropped pooled connection; a fresh connection is never re-sent.
    keepalive: pooled && method !== "PUT" && method !== "DELETE",
    timeout: false,
    bulk,
    ...(body === undefined ? {} : { body: body.stream() }),
  };
  return fetcher(url, init);
}

function headersOf(spec: RequestSpec): Record<string, string> {
  const headers: Record<string, string> = { "User-Agent": "hoist", Accept: "application/json", ...spec.headers };
  if (spec.body !== undefined) {
    if (spec.body.type !== null) headers["Content-Type"] = spec.body.type;
    if (spec.body.length !== null) headers["Content-Length"] = String(spec.body.length);
  }
  return headers;
}

async function readCapped(response: Response, limit: number, where: string): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > limit) {
      throw new AppError("host_protocol", `the answer of ${where} is longer than ${limit} bytes`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

interface Watchdog {
  /** The head of the answer is there. */
  answered(): void;
  stop(): void;
}

/**
 * Bun's fetch has no useful timeouts, so a timer looks at the body: Bun pulls it only once the connection (and its
 * TLS handshake) stands, which tells connecting from sending, and `pulledAt` stands still while the socket takes nothing.
 * Without a body nothing tells a slow answer from a host that is not there, so another connection is tried meanwhile.
 */
function watch(spec: RequestSpec, where: string, fail: (error: AppError) => void): Watchdog {
  const { body, limits } = spec;
  const startedAt = performance.now();
  let probe: AbortController | null = null;
  const notConnected = () => fail(timeout(`no connection to ${where}`, limits.connectMs));
  let isThere = body !== undefined;
  const timer = setInterval(
    () => {
      const now = performance.now();
      if (!isThere && now - startedAt > limits.connectMs / 2) {
        isThere = true;
        probe = new AbortController();
        void isReachable(spec.url, limits.connectMs / 2, probe.signal).then((yes) => yes || notConnected());
      }
      if (body === undefined) {
        if (now - startedAt > limits.answerMs) fail(timeout(`${where} did not answer`, limits.answerMs));
      } else if (!body.started) {
        if (now - startedAt > limits.connectMs) notConnected();
      } else if (!body.complete) {
        if (body.waitingSince !== null && now - body.waitingSince > limits.idleMs) {
          fail(timeout(`${where} took no more bytes`, limits.idleMs));
        }
      } else if (now - (body.waitingSince ?? startedAt) > limits.answerMs) {
        fail(timeout(`${where} did not answer`, limits.answerMs));
      }
    },
    Math.max(5, Math.min(250, limits.connectMs / 4, limits.idleMs / 4, limits.answerMs / 4)),
  );
  timer.unref();
  return {
    answered() {
      isThere = true;
      probe?.abort();
    },
    stop() {
      clearInterval(timer);
      probe?.abort();
    },
  };
}

/** Whatever but silence the connection comes to, the request itself comes to as well. */
async function isReachable(url: string, withinMs: number, signal: AbortSignal): Promise<boolean> {
  const { reach } = await import("./reach.ts");
  return reach(proxyOf(url, process.env)?.origin ?? url, withinMs, signal).then(
    () => true,
    (error) => toAppError(error).code !== "timeout",
  );
}

function timeout(what: string, ms: number): AppError {
  return new AppError("timeout", `${what} within ${ms < 1000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`}`);
}
