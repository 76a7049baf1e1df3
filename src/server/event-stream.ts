import type { EventLog, LoggedEvent, Missed } from "./event-log.ts";

export interface EventStreamOptions {
  readonly log: EventLog;
  /** Whether the reader gets an event. */
  readonly wanted: (event: LoggedEvent) => boolean;
  /** Sent first; asked when the stream begins. */
  readonly first: () => Missed;
  readonly heartbeatMs: number;
  /** Called once, when nothing more is sent. */
  readonly ended: () => void;
}

/** Bytes that wait for a reader before it is dropped; it comes back with `Last-Event-ID`. */
const MOST_WAITING = 1024 * 1024;

/** For whoever reads along: a comment disturbs no program. */
const GAP = ": what happened before this is not kept any more: list the jobs again\n\n";

/** Server-Sent Events for one reader. A reader that does not keep up is dropped instead of being waited for. */
export function eventStream({
  log,
  wanted,
  first,
  heartbeatMs,
  ended,
}: EventStreamOptions): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let unsubscribe = () => {};
  let heart: Timer | undefined;
  let over = false;

  const stop = (): void => {
    if (over) return;
    over = true;
    clearInterval(heart);
    unsubscribe();
    ended();
  };

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // What was missed is as much as it is: a reader dropped for it would come back for the same.
        const { events, complete } = first();
        const missed = encoder.encode(
          `retry: 2000\n\n${complete ? "" : GAP}${events.filter(wanted).map(eventText).join("")}`,
        );
        controller.enqueue(missed);
        const send = (text: string): void => {
          if (over) return;
          controller.enqueue(encoder.encode(text));
          if ((controller.desiredSize ?? 0) + missed.byteLength > 0) return;
          stop();
          controller.error(new Error("the reader is too slow"));
        };
        heart = setInterval(() => send(":\n\n"), heartbeatMs);
        unsubscribe = log.subscribe({
          event: (event) => {
            if (wanted(event)) send(eventText(event));
          },
          end: () => {
            if (over) return;
            stop();
            controller.close();
          },
        });
      },
      cancel: stop,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MOST_WAITING }),
  );
}

function eventText({ id, type, data }: LoggedEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${data}\n\n`;
}
