import { STOP_REASONS, type StopReason } from "../core/stop.ts";
import type { OutStream } from "./io.ts";
import { runCli } from "./run.ts";

/** `runCli` on the real process: its streams and its signals. */
export async function runProcess(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const stdout = survivingStream(process.stdout);
  const stderr = survivingStream(process.stderr);
  for (const reason of Object.values(STOP_REASONS)) {
    process.on(reason.signal, () => {
      if (stop.signal.aborted) endAtOnce(reason);
      stop.abort(reason);
    });
  }
  const code = await runCli(argv, {
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr,
    env: process.env,
    signal: stop.signal,
    openApp: async (options) => (await import("../app.ts")).createApp(options),
  });
  // A read of standard input that nobody waits for any longer would keep a stopped process alive.
  if (stop.signal.aborted) process.exit(code);
  return code;
}

function endAtOnce({ exit }: StopReason): never {
  // Whatever is drawn on the last line, the shell's prompt starts on its own.
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[J");
  process.exit(exit);
}

/** The reader may go away (`| head`): what is written then is lost, and nothing else. */
function survivingStream(stream: NodeJS.WriteStream): OutStream {
  let gone = false;
  stream.on("error", () => {
    gone = true;
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
    write(text) {
      if (!gone) stream.write(text);
    },
    on: (event, listener) => stream.on(event, listener),
    off: (event, listener) => stream.off(event, listener),
  };
}
