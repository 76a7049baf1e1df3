import { AppError } from "../errors.ts";

type Format = "gzip" | "deflate";

/** What every client has always understood; nothing else is sent to one that asks for nothing. */
const FORMATS = new Map<string, Format>([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
]);

/**
 * The content behind an answer's `Content-Encoding`: a proxy may code an answer although nobody has asked for it. Throws
 * `host_protocol` for a coding that is not known, and so does the stream for bytes that are not coded as was said.
 */
export function decoded(body: ReadableStream<Uint8Array>, headers: Headers): ReadableStream<Uint8Array> {
  const codings = (headers.get("Content-Encoding") ?? "")
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  return codings.reduceRight<ReadableStream<Uint8Array>>((coded, coding) => {
    const format = FORMATS.get(coding);
    if (format === undefined) throw unreadable("its content coding is not known");
    return unpacked(coded, format);
  }, body);
}

function unpacked(coded: ReadableStream<Uint8Array>, format: Format): ReadableStream<Uint8Array> {
  const decoder = new DecompressionStream(format) as ReadableWritablePair<Uint8Array, Uint8Array>;
  const plain = coded.pipeThrough(decoder).getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await plain.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        // What the connection did comes through as it is.
        throw error instanceof TypeError ? unreadable("its content is not coded as it says") : error;
      }
    },
    cancel: (reason) => plain.cancel(reason),
  });
}

function unreadable(why: string): AppError {
  return new AppError("host_protocol", `the answer cannot be read: ${why}`);
}
