import { whyNoStdin } from "../core/sources/closed-stdin.ts";
import { STOP_REASONS, type StopReason } from "../core/stop.ts";
import { type AppError, ERROR_CLASSES } from "../errors.ts";
import type { CliIo, OutStream } from "./io.ts";
import { outlivesTerminal } from "./outlives-terminal.ts";
import { runCli } from "./run.ts";

/** A stopped process does not wait longer for a reader that does not read. */
const LAST_WORDS_MS = 500;

/** `runCli` on the real process: its streams and its signals. */
export async function runProcess(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  let hangup: (() => void) | null = outlivesTerminal() ? () => {} : null;
  const stdout = survivingStream(process.stdout);
  const stderr = survivingStream(process.stderr);
  for (const reason of Object.values(STOP_REASONS)) {
    process.on(reason.signal, () => {
      if (reason.signal === "SIGHUP" && hangup !== null) {
        hangup();
        return;
      }
      if (stop.signal.aborted) endAtOnce(reason);
      stop.abort(reason);
    });
  }
  const code = await runCli(argv, {
    get stdin() {
      const closed = whyNoStdin();
      return closed === null ? process.stdin : failingInput(closed);
    },
    stdout,
    stderr,
    env: process.env,
    signal: stop.signal,
    onHangup(handler) {
      hangup = handler;
    },
    openApp: async (options) => (await import("../app.ts")).createApp(options),
  });
  const written = stdout.end();
  if (stop.signal.aborted) {
    await Promise.race([written, Bun.sleep(LAST_WORDS_MS)]);
    // Reading standard input, for one, may keep a process alive that has nothing left to do.
    process.exit(code);
  }
  await written;
  if (stdout.lost !== null) stderr.write(`error: results could not be written to stdout (${stdout.lost})\n`);
  const final = stdout.lost !== null && code === 0 ? ERROR_CLASSES.state.exit : code;
  // A connection that was given up before it stood cannot be called off, and would keep the process for minutes.
  setTimeout(() => process.exit(final), LAST_WORDS_MS).unref();
  return final;
}

function failingInput(error: AppError): CliIo["stdin"] {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
}

function endAtOnce({ exit }: StopReason): never {
  // The shell's prompt shall not start behind a bar.
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  process.exit(exit);
}

interface SurvivingStream extends OutStream {
  /** Why results were lost, such as a full disk; null when they were not, or when nobody reads them. */
  readonly lost: string | null;
  /** Everything written has left the process, or cannot: `process.exit` cuts a pipe at 64 KiB. */
  end(): Promise<void>;
}

/** A reader that went away (`| head`) is no failure: what is written then goes nowhere. */
function survivingStream(stream: NodeJS.WriteStream): SurvivingStream {
  let gone = false;
  let lost: string | null = null;
  stream.on("error", (error: Error & { readonly code?: string }) => {
    gone = true;
    if (error.code !== "EPIPE") lost = error.code ?? error.message;
  });
  return {
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
    get rows() {
      return stream.rows;
    },
    get lost() {
      return lost;
    },
    write(text) {
      if (!gone) stream.write(text);
    },
    end() {
      // Bun retries for ever, in one turn of the loop, to flush a stream whose write has failed.
      if (gone) return Promise.resolve();
      return new Promise((resolve) => {
        stream.once("error", () => resolve());
        stream.end(() => resolve());
      });
    },
    on: (event, listener) => stream.on(event, listener),
    off: (event, listener) => stream.off(event, listener),
  };
}
