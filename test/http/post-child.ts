import { classifyFetchError } from "../../src/http/failure.ts";
import { socketFetch } from "../../src/http/socket-fetch.ts";

/** What became of one body. */
export interface Posted {
  readonly status: number | null;
  readonly text: string;
  /** Of the failure. */
  readonly code: string | null;
  /** Chunks that were asked for. */
  readonly pulls: number;
}

// Which authorities are trusted is settled when a process starts. argv: URL, chunks, bytes of each, milliseconds to live.
// Ends with its standard input.
const [url = "", chunks = "1", size = "1", liveMs = "20000"] = process.argv.slice(2);
const chunk = new Uint8Array(Number(size));
let pulls = 0;
const body = new ReadableStream<Uint8Array>(
  {
    pull(controller) {
      pulls += 1;
      if (pulls > Number(chunks)) return controller.close();
      // The same memory again, as files are read.
      controller.enqueue(chunk.fill(pulls));
    },
  },
  { highWaterMark: 0 },
);
const headers = { "Content-Length": String(Number(chunks) * Number(size)) };
const signal = AbortSignal.timeout(Number(liveMs));
const said = async () => {
  const answer = await socketFetch(url, { method: "POST", headers, body, signal });
  return { status: answer.status, text: await answer.text(), code: null };
};
const failed = (error: unknown) => ({ status: null, text: "", code: classifyFetchError(error, "there").code });
const posted: Posted = { ...(await said().catch(failed)), pulls };
process.stdout.write(`${JSON.stringify(posted)}\n`);
await Bun.stdin.text();
