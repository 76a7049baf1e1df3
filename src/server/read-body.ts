import { AppError } from "../errors.ts";

/** Bytes of the body as the request declares them; null: it does not say. */
export function declaredLength(request: Request): number | null {
  const header = request.headers.get("content-length");
  return header !== null && /^\d+$/.test(header) ? Number(header) : null;
}

export function tooLarge(limit: number): AppError {
  return new AppError("too_large", `the body is larger than ${limit} bytes`);
}

/**
 * All of a short body. Fails with `too_large` as soon as it is clear, `rate_limited` when `signal` ends the wait, or
 * `cancelled` when the sender goes away.
 */
export async function readBody(request: Request, limit: number, signal?: AbortSignal): Promise<Uint8Array> {
  const declared = declaredLength(request);
  // Bun takes no more than was declared. A stream costs more than all else that is done for a small body.
  if (signal === undefined && declared !== null && declared <= limit) {
    return request.bytes().catch((error) => {
      throw cutShort(error);
    });
  }
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  const end = () => ended.reject(new AppError("rate_limited", "the body comes too slowly"));
  signal?.addEventListener("abort", end, { once: true });
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), ended.promise]);
      if (done) return Buffer.concat(chunks, length);
      length += value.byteLength;
      if (length > limit) throw tooLarge(limit);
      chunks.push(value);
    }
  } catch (error) {
    // The answer may go out before the rest of the body has come.
    reader.cancel().catch(() => {});
    throw error instanceof AppError ? error : cutShort(error);
  } finally {
    signal?.removeEventListener("abort", end);
  }
}

function cutShort(cause: unknown): AppError {
  return new AppError("cancelled", "the body was cut off", { cause });
}
