import { call, Refusal } from "./api.ts";

export interface StreamEvent {
  readonly type: string;
  readonly data: unknown;
}

const RECONNECT_MS = 2_000;

/**
 * Reads `/v1/events` for ever, going on after the last event seen. EventSource cannot send a token, so this is fetch.
 * `connected` is told of every change; `refused` ends it.
 */
export async function follow(
  handle: (event: StreamEvent) => void,
  connected: (yes: boolean) => void,
  refused: (refusal: Refusal) => void,
  signal: AbortSignal,
): Promise<void> {
  let lastId = "";
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (lastId !== "") headers["Last-Event-ID"] = lastId;
      const response = await call("GET", "/v1/events", { headers, signal });
      connected(true);
      for await (const block of blocksOf(response)) {
        const event = parse(block);
        if (event.id !== "") lastId = event.id;
        if (event.data !== "") handle({ type: event.type, data: JSON.parse(event.data) });
      }
    } catch (error) {
      if (error instanceof Refusal && error.status < 500) {
        refused(error);
        return;
      }
    }
    connected(false);
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

/** The event blocks of a stream, each without its empty line. */
async function* blocksOf(response: Response): AsyncGenerator<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const read = await reader?.read();
    if (read === undefined || read.done) return;
    const blocks = (rest + read.value).split("\n\n");
    rest = blocks.pop() ?? "";
    yield* blocks;
  }
}

function parse(block: string): { readonly id: string; readonly type: string; readonly data: string } {
  let id = "";
  let type = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (field === "id") id = value ?? "";
    else if (field === "event") type = value ?? "";
    else if (field === "data") data.push(value ?? "");
  }
  return { id, type, data: data.join("\n") };
}
