import { fstatSync, read, readFileSync } from "node:fs";
import { AppError } from "../errors.ts";
import { BUFFER_SIZE } from "./buffers.ts";

const STDIN = 0;
/** One is on its way, one waits for its turn, one is being read. */
const BUFFERS = 3;

/** What a descriptor that stays behind at an `exec` is marked with, as Linux shows it. */
const CLOSE_ON_EXEC = 0o2_000_000;

/**
 * Fails with `source` when the program was started without standard input (`<&-`), where this can be told. Bun opens
 * /dev/null in its place, which would be a file of no byte; but what was handed over has no such mark.
 */
export function assertStdinOpen(): void {
  const [, flags = "0"] = /^flags:\s*([0-7]+)$/m.exec(facts()) ?? [];
  if ((Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) return;
  throw new AppError("source", "standard input is closed", { hint: "pipe something in; < /dev/null is an empty file" });
}

function facts(): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${STDIN}`, "utf8");
  } catch {
    return "";
  }
}

/**
 * The bytes of standard input from where it stands. A file behind it is read into a few buffers in turn, for a third of
 * the memory that Bun's stream takes: a chunk is overwritten once the one after the next is asked for. Anything else may
 * keep its reader waiting for hours, which Bun does without a thread.
 */
export function stdinStream(): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (!isFile()) return Bun.stdin.stream();
  const chunks = readOn();
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const next = await chunks.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

function isFile(): boolean {
  try {
    return fstatSync(STDIN).isFile();
  } catch {
    // Closed: Bun's stream says so.
    return false;
  }
}

async function* readOn(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const buffers = Array.from({ length: BUFFERS }, () => new Uint8Array(BUFFER_SIZE));
  let ahead = readInto(buffers[0]);
  for (let turn = 1; ; turn += 1) {
    const chunk = await ahead;
    if (chunk.byteLength === 0) return;
    ahead = readInto(buffers[turn % BUFFERS]);
    // Is heard in its turn, or never: whoever leaves early does not care.
    ahead.catch(() => {});
    yield chunk;
  }
}

/** What comes next; nothing at the end. */
function readInto(buffer: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_SIZE)): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    read(STDIN, buffer, 0, buffer.byteLength, null, (error, bytes) =>
      error === null ? resolve(buffer.subarray(0, bytes)) : reject(error),
    );
  });
}
