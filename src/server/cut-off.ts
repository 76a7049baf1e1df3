import { declaredLength } from "./read-body.ts";

/** Bytes; after a shorter body the connection can go on. */
const READ_FOR_NOTHING = 1024 ** 2;
/** How long a sender has to notice the answer, before the end of the connection makes it fail to send. */
const LINGER_MS = 1_000;

/** Whether a refusal leaves a body unread that would take long to be read for nothing. */
export function isCutOff(request: Request, status: number): boolean {
  if (status < 400 || request.body === null || (request.bodyUsed && status !== 413)) return false;
  const length = declaredLength(request);
  return length === null || length > READ_FOR_NOTHING;
}

/**
 * The answer, whose connection ends with it, a moment later: Bun would read the body to its end otherwise. Closing at
 * once would break the connection for a sender that has not read the answer yet.
 */
export async function cuttingOff(answer: Response, { signal }: Request): Promise<Response> {
  const text = await answer.text();
  let end = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      const timer = setTimeout(() => end(), LINGER_MS);
      end = () => {
        end = () => {};
        clearTimeout(timer);
        controller.close();
      };
    },
    // The sender has left: there is nothing to close any more.
    cancel() {
      end = () => {};
    },
  });
  signal.addEventListener("abort", () => end(), { once: true });
  const headers = new Headers(answer.headers);
  headers.set("connection", "close");
  return new Response(body, { status: answer.status, headers });
}
