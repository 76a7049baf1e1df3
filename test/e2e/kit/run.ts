import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** The compiled binary under test. */
export const HOIST = resolve(process.env.HOIST_BIN ?? "dist/hoist");

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Fed to stdin, which is then closed; without it stdin is empty. */
  readonly stdin?: string | Uint8Array | ReadableStream | undefined;
  /** Run through this command, e.g. `["setpriv", …]`; the binary and its arguments follow. */
  readonly through?: readonly string[] | undefined;
}

export interface Ran {
  /** As a shell sees it: 128 + n after signal n. */
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly ms: number;
  /** Peak of the resident memory in MiB, as last seen; 0 where /proc is not there. */
  readonly peakMiB: number;
}

export interface Live {
  readonly pid: number;
  /** What has been printed so far. */
  out(): string;
  err(): string;
  kill(signal: NodeJS.Signals): void;
  /** Resolves once `seen(stdout, stderr)` holds; fails when the process ends first. */
  until(seen: (out: string, err: string) => boolean): Promise<void>;
  readonly ended: Promise<Ran>;
}

const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15, SIGPIPE: 13 };

export function start(args: readonly string[], options: RunOptions): Live {
  if (!existsSync(HOIST)) throw new Error(`no binary at ${HOIST}: run \`bun build.ts\` or set HOIST_BIN`);
  const began = performance.now();
  const proc = Bun.spawn([...(options.through ?? []), HOIST, ...args], {
    cwd: options.cwd,
    env: { ...options.env },
    stdin: stdinOf(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
  const out = collect(proc.stdout);
  const err = collect(proc.stderr);
  let peakMiB = 0;
  const meter = setInterval(async () => {
    peakMiB = Math.max(peakMiB, await residentPeak(proc.pid));
  }, 40);
  const ended = (async (): Promise<Ran> => {
    const exit = await proc.exited;
    clearInterval(meter);
    await Promise.all([out.end, err.end]);
    const code = proc.signalCode ? 128 + (SIGNALS[proc.signalCode] ?? 0) : exit;
    return { code, out: out.text(), err: err.text(), ms: performance.now() - began, peakMiB };
  })();
  return {
    pid: proc.pid,
    out: out.text,
    err: err.text,
    kill: (signal) => proc.kill(signal),
    ended,
    async until(seen) {
      let over = false;
      void ended.then(() => {
        over = true;
      });
      while (!seen(out.text(), err.text())) {
        if (over) throw new Error(`hoist ended first:\n${out.text()}\n${err.text()}`);
        await Bun.sleep(5);
      }
    },
  };
}

function stdinOf(stdin: RunOptions["stdin"]) {
  if (stdin === undefined) return "ignore" as const;
  if (typeof stdin === "string") return new TextEncoder().encode(stdin);
  return stdin;
}

function collect(stream: ReadableStream<Uint8Array>): { text(): string; end: Promise<void> } {
  const decoder = new TextDecoder();
  let text = "";
  const end = (async () => {
    for await (const chunk of stream as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
    }
  })();
  return { text: () => text, end };
}

/** MiB; 0 when the process is gone or there is no /proc. */
async function residentPeak(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`)
    .text()
    .catch(() => "");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}
