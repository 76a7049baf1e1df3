import { AppError } from "../../errors.ts";
import { classifyFetchError } from "../../http/failure.ts";
import { exemptLoopbackFromProxy } from "../../http/proxy.ts";
import { UNHEARD } from "../../http/transport.ts";
import { VERSION } from "../../version.ts";
import type { CommandContext } from "../context.ts";
import { findServer, type Server } from "./find-server.ts";
import { parseJson, problemOf } from "./server-answers.ts";

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** From `/`, encoded. */
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, for as long as it takes. */
  readonly body?: Blob | ReadableStream<Uint8Array>;
  /** Ends the call, besides the end of the process. */
  readonly signal?: AbortSignal;
}

/** A running `hoist serve`. Every call fails with AppError: the server's own failures keep their codes. */
export interface ServerClient {
  /** How people name it; holds no secret. */
  readonly where: string;
  /** That of this state directory. */
  readonly isLocal: boolean;
  /** The answer's JSON, as the server wrote it; null when it has none. */
  json(call: Call): Promise<unknown>;
  /** An answer that is read as it comes, without an end to wait for. */
  open(call: Call): Promise<ReadableStream<Uint8Array>>;
}

/** Milliseconds for an answer that needs no file. */
const ANSWER_MS = 120_000;

/** The server that is meant by option, environment or state directory. Fails with `usage`, `config` or `network`. */
export async function openServer({ io, globals }: CommandContext, asked: string | undefined): Promise<ServerClient> {
  const server = await findServer(io.env, globals.stateDir, asked);
  // Bun reads the proxy variables from the process itself.
  exemptLoopbackFromProxy(process.env, [server.base]);
  return clientOf(server, io.signal);
}

function clientOf(server: Server, signal: AbortSignal): ServerClient {
  async function send(call: Call, limit: AbortSignal | null): Promise<Response> {
    const query = call.query === undefined || call.query.size === 0 ? "" : `?${call.query}`;
    const init: BunFetchRequestInit & { readonly unix?: string } = {
      method: call.method,
      headers: headersOf(call, server.token),
      redirect: "manual",
      // A call must not go out twice because a kept connection broke.
      keepalive: false,
      signal: AbortSignal.any([
        signal,
        ...(limit === null ? [] : [limit]),
        ...(call.signal === undefined ? [] : [call.signal]),
      ]),
      ...(server.socket === null ? {} : { unix: server.socket }),
      ...(call.json === undefined ? {} : { body: JSON.stringify(call.json) }),
      ...(call.body === undefined ? {} : { body: call.body }),
    };
    const sent = fetch(`${server.base}${call.path}${query}`, { ...init, ...UNHEARD, timeout: false } as RequestInit);
    const response = await (call.body === undefined ? sent : sent.catch(tellWhyRefused));
    if (!response.ok) throw problemOf(response.status, await response.text(), server.where);
    return response;
  }

  /** A server ends the connection on a body that it refuses, maybe before its answer is read: without one it says why. */
  async function tellWhyRefused(broken: unknown): Promise<never> {
    if (!signal.aborted)
      await send({ method: "PUT", path: "/v1/files/" }, AbortSignal.timeout(ANSWER_MS)).catch(refuse);
    throw broken;
  }

  async function guarded<T>(work: (limit: AbortSignal | null) => Promise<T>, patient: boolean): Promise<T> {
    const limit = patient ? null : AbortSignal.timeout(ANSWER_MS);
    try {
      return await work(limit);
    } catch (thrown) {
      if (signal.aborted) throw new AppError("cancelled", "stopped");
      if (limit?.aborted === true) throw new AppError("timeout", `${server.where} did not answer within 120 s`);
      throw failureOf(thrown, server.where);
    }
  }

  return {
    where: server.where,
    isLocal: server.isLocal,
    json: (call) =>
      guarded(async (limit) => {
        const text = await (await send(call, limit)).text();
        return text === "" ? null : parseJson(text, server.where);
      }, call.body !== undefined),
    open: (call) =>
      guarded(async () => {
        const { body } = await send(call, null);
        if (body === null) throw new AppError("host_protocol", `${server.where} gave an empty answer`);
        return body;
      }, true),
  };
}

/** A file without a name is `usage` to a server that would take one. */
function refuse(thrown: unknown): void {
  if (thrown instanceof AppError && thrown.code !== "usage") throw thrown;
}

function headersOf({ headers, json, body }: Call, token: string | null): Record<string, string> {
  return {
    "User-Agent": `hoist/${VERSION}`,
    Accept: "application/json",
    ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
    ...(json === undefined ? {} : { "Content-Type": "application/json" }),
    ...(body === undefined ? {} : { "Content-Type": "application/octet-stream" }),
    ...headers,
  };
}

const NOBODY_THERE = new Set(["ConnectionRefused", "ECONNREFUSED", "ENOENT", "FailedToOpenSocket"]);

function failureOf(thrown: unknown, where: string): AppError {
  if (thrown instanceof AppError) return thrown;
  const code = typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : "";
  if (NOBODY_THERE.has(code)) {
    return new AppError("network", `no server answers at ${where}`, { hint: "start it with: hoist serve" });
  }
  return classifyFetchError(thrown, where);
}
