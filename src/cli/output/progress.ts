import type { EngineEvent } from "../../core/events.ts";
import type { UploadRecord } from "../../core/job-store.ts";
import { formatBytes, formatDuration, formatRate } from "../../core/units.ts";
import { safeText } from "../../safe-text.ts";
import type { OutStream } from "../io.ts";
import { type BarFacts, drawBars } from "./bar.ts";
import { titleOf } from "./formats.ts";
import type { Terminal } from "./terminal.ts";

/** What the user sees of running uploads; fed by the engine's events. */
export interface Progress {
  tell(event: EngineEvent): void;
  /** Takes the bars away. */
  close(): void;
}

export type ProgressMode = "bars" | "lines" | "off";

/** `--progress` and what stderr is. Bars need a terminal that can move its cursor. */
export function progressMode(
  choice: "auto" | "always" | "never",
  stderr: OutStream,
  env: Readonly<Record<string, string | undefined>>,
): ProgressMode {
  if (choice === "never") return "off";
  const movable = stderr.isTTY === true && env.TERM !== "dumb";
  if (choice === "always") return movable ? "bars" : "lines";
  return movable && !env.CI ? "bars" : "off";
}

export function createProgress(mode: ProgressMode, terminal: Terminal, stderr: OutStream, color: boolean): Progress {
  if (mode === "off") return { tell() {}, close() {} };
  return mode === "lines" ? createLines(terminal) : createBars(terminal, stderr, color);
}

/** One line when an upload starts and one when it has ended. */
function createLines(terminal: Terminal): Progress {
  const line = (upload: UploadRecord, text: string) => terminal.err(`${safeText(`${titleOf(upload)}: ${text}`)}\n`);
  return {
    tell(event) {
      if (event.type === "start") {
        const { size } = event.upload.source;
        line(event.upload, size === null ? "started" : `started (${formatBytes(size)})`);
      } else if (event.type === "ended") line(event.upload, endOf(event.upload));
    },
    close() {},
  };
}

function endOf({ outcome, seconds }: UploadRecord): string {
  if (outcome === null || !outcome.ok) return "failed";
  if (outcome.skipped) return "skipped";
  const rate = seconds > 0 ? `, ${formatRate(outcome.size / seconds)}` : "";
  return `done (${formatBytes(outcome.size)} in ${formatDuration(seconds * 1000)}${rate})`;
}

interface Running {
  readonly upload: UploadRecord;
  bytes: number;
  size: number | null;
  rate: number;
  /** In place of rate and time left. */
  state: string | null;
  /** `performance.now()` at which the next attempt starts. */
  retryAt: number | null;
}

/** The host has the bytes; a short file's may not have been told of before. */
const STORED = "finishing";

/** Often enough to look alive, seldom enough to cost nothing. */
const DRAW_EVERY_MS = 100;
/** A terminal shows `^C` behind the last line; it shall not wrap there. */
const ECHO_COLUMNS = 2;

function createBars(terminal: Terminal, stderr: OutStream, color: boolean): Progress {
  const running = new Map<string, Running>();
  const total = { uploads: 0, ended: 0, bytes: 0, endedBytes: 0, lostBytes: 0 };
  const draw = () => terminal.pin(lines());
  const timer = setInterval(draw, DRAW_EVERY_MS);
  timer.unref();
  stderr.on?.("resize", draw);

  function lines(): readonly string[] {
    const columns = terminal.columns - ECHO_COLUMNS - 1;
    const room = Math.max(1, terminal.rows - 3);
    const all = [...running.values()];
    const several = new Set(all.map(({ upload }) => upload.account)).size > 1;
    const bars = all.slice(0, room).map((each) => factsOf(each, several));
    if (total.uploads > 1 && all.length > 0) bars.push(totalFacts(all));
    return drawBars(bars, { columns, color });
  }

  function totalFacts(all: readonly Running[]): BarFacts {
    const bytes = total.endedBytes + all.reduce((sum, each) => sum + each.bytes, 0);
    return {
      name: `total ${total.ended}/${total.uploads}`,
      bytes,
      size: total.bytes === 0 ? null : Math.max(total.bytes - total.lostBytes, bytes),
      rate: all.reduce((sum, each) => sum + (each.state === null ? each.rate : 0), 0),
      state: null,
    };
  }

  return {
    tell(event) {
      switch (event.type) {
        case "planned":
          total.uploads = event.uploads;
          total.bytes = event.bytes;
          return;
        case "start": {
          const { size } = event.upload.source;
          const { id } = event.upload;
          running.set(id, { upload: event.upload, bytes: 0, size, rate: 0, state: "starting", retryAt: null });
          return;
        }
        case "ended": {
          running.delete(event.upload.id);
          total.ended += 1;
          const size = event.upload.source.size ?? 0;
          // What has failed is neither up nor still to be sent.
          if (event.upload.outcome?.ok === true) total.endedBytes += size;
          else total.lostBytes += size;
          // The last bar goes with the last result, and not a tick later.
          if (running.size === 0) draw();
          return;
        }
        default:
          update(event);
      }
    },
    close() {
      clearInterval(timer);
      stderr.off?.("resize", draw);
      terminal.pin([]);
    },
  };

  function update(event: EngineEvent): void {
    if (!("upload" in event)) return;
    const entry = running.get(event.upload.id);
    if (entry === undefined) return;
    entry.retryAt = null;
    if (event.type === "progress") {
      const { bytes, size, rate } = event;
      const isStored = entry.state === STORED && bytes === size;
      Object.assign(entry, { bytes, size, rate, state: isStored ? STORED : bytes === size ? "waiting" : null });
    } else if (event.type === "stored") Object.assign(entry, { bytes: entry.size ?? entry.bytes, state: STORED });
    else if (event.type === "parked") entry.state = event.url === null ? "starting" : "captcha";
    else if (event.type === "resting") entry.state = event.rests ? "cooling down" : "starting";
    else if (event.type === "retry") {
      Object.assign(entry, { bytes: 0, state: "starting", retryAt: performance.now() + event.waitMs });
    }
  }
}

function factsOf({ upload, bytes, size, rate, state, retryAt }: Running, withAccount: boolean): BarFacts {
  const wait = retryAt === null ? null : Math.max(0, retryAt - performance.now());
  return {
    name: safeText(withAccount ? `${upload.account}: ${upload.name}` : upload.name),
    bytes,
    size,
    rate,
    state: wait === null ? state : wait === 0 ? "starting" : `retry ${Math.ceil(wait / 1000)} s`,
  };
}
