import { pause } from "../../core/pause.ts";
import { toAppError } from "../../errors.ts";
import type { ServerClient } from "./server-client.ts";

/** What a server says of itself, in order. */
export type ServerMessage =
  /** The stream stands, for the first time or again: what happened before may have been missed. */
  | { readonly type: "connected" }
  /** The stream broke; it is taken up again. */
  | { readonly type: "lost" }
  | { readonly type: "event"; readonly event: string; readonly data: unknown };

/** Milliseconds between attempts to connect again, and until they are given up. */
const AGAIN_MS = 1000;
const PATIENCE_MS = 60_000;
/** The server says something every 15 s, be it a comment. */
const SILENCE_MS = 45_000;

/**
 * `GET /v1/events`, of one job or of all, until the caller stops or `signal` is aborted; broken streams go on after the
 * last event. Fails when the first connection does, or when none can be made for a minute.
 */
export async function* serverEvents(
  client: ServerClient,
  job: string | null,
  signal: AbortSignal,
): AsyncGenerator<ServerMessage> {
  let lastId: string | null = null;
  let connected = false;
  let lostAt: number | null = null;
  for (;;) {
    try {
      const stream = await client.open({
        method: "GET",
        path: "/v1/events",
        signal,
        query: new URLSearchParams(job === null ? {} : { job }),
        headers: { Accept: "text/event-stream", ...(lastId === null ? {} : { "Last-Event-ID": lastId }) },
      });
      connected = true;
      lostAt = null;
      yield { type: "connected" };
      for await (const { id, event, data } of messagesOf(stream, signal)) {
        lastId = id ?? lastId;
        yield { type: "event", event, data };
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const error = toAppError(thrown);
      const patient = connected && error.retryable;
      if (!patient || (lostAt !== null && performance.now() - lostAt > PATIENCE_MS)) throw error;
    }
    if (signal.aborted) return;
    if (lostAt === null) yield { type: "lost" };
    lostAt ??= performance.now();
    await pause(AGAIN_MS, signal);
  }
}

interface Message {
  readonly id: string | null;
  readonly event: string;
  readonly data: unknown;
}

/** Ends without a failure when the connection does. */
async function* messagesOf(stream: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<Message> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  let text = "";
  try {
    for (;;) {
      const timer = setTimeout(stop, SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      const blocks = (text + decoder.decode(value, { stream: true })).split(/\r?\n\r?\n/);
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const message = parse(block);
        if (message !== null) yield message;
      }
    }
  } catch {
    // A broken connection is no more than an end of the stream.
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** Null for comments and what is not JSON. */
function parse(block: string): Message | null {
  let id: string | null = null;
  let event = "message";
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field = "", value = ""] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
    if (field === "id") id = value;
    if (field === "event") event = value;
    if (field === "data") data.push(value);
  }
  if (data.length === 0) return null;
  try {
    return { id, event, data: JSON.parse(data.join("\n")) };
  } catch {
    return null;
  }
}
