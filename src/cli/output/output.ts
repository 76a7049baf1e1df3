import { styleText } from "node:util";
import { createConsola } from "consola/core";
import { type AppError, type ErrorView, errorView } from "../../errors.ts";
import { safeJson, safeText } from "../../safe-text.ts";
import type { Globals } from "../globals.ts";
import type { CliIo, OutStream } from "../io.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

/** Everything a command says: results on stdout, the rest on stderr. Texts may be untrusted unless said otherwise. */
export interface Output {
  readonly terminal: Terminal;
  /** Whether stdout shows colours. */
  readonly color: boolean;
  /** One line of result. */
  print(line: string): void;
  /** One line of JSON. */
  json(value: unknown): void;
  /** Text of our own making, as it is, onto stdout. */
  raw(text: string): void;
  note(text: string): void;
  warning(text: string): void;
  debug(text: string): void;
  /** Three lines at most: what happened (to whom), the host's words, what to do next. Never silenced. */
  error(error: AppError | ErrorView, about?: string): void;
  /** For a person who must act: never silenced, no warning where those are, and not part of a log. */
  call(text: string): void;
}

type Level = "debug" | "info" | "warn" | "error";
const WORDS: Readonly<Record<Level, string>> = { debug: "debug", info: "note", warn: "warning", error: "error" };
const COLORS = { debug: "gray", info: "cyan", warn: "yellow", error: "red" } as const;

/** consola's numbers: errors only, up to notes, everything. */
const LEVELS = { quiet: 0, normal: 3, verbose: 4 } as const;

const LONGEST_QUOTE = 500;

export function createOutput(io: CliIo, globals: Globals): Output {
  const terminal = createTerminal(io);
  const color = hasColor(io.stdout, io.env, globals.color);
  const colorErr = hasColor(io.stderr, io.env, globals.color);
  const asJson = globals.logFormat === "json";
  // consola's own reporters change text between backticks and underscores and write notes to stdout.
  const log = createConsola({
    level: globals.quiet ? LEVELS.quiet : globals.verbose ? LEVELS.verbose : LEVELS.normal,
    throttle: 0,
    reporters: [
      {
        log({ type, date, args: [text, fields] }) {
          const level = type as Level;
          if (asJson) terminal.err(`${safeJson({ time: date.toISOString(), level, msg: text, ...fields })}\n`);
          else terminal.err(`${tint(colorErr, COLORS[level], `${WORDS[level]}:`)} ${safeText(String(text))}\n`);
        },
      },
    ],
  });
  return {
    terminal,
    color,
    print: (line) => terminal.out(`${safeText(line)}\n`),
    json: (value) => terminal.out(`${safeJson(value)}\n`),
    raw: (text) => terminal.out(text),
    note: (text) => log.info(text),
    warning: (text) => log.warn(text),
    debug: (text) => log.debug(text),
    call(text) {
      const word = globals.quiet ? "" : `${tint(colorErr, COLORS.warn, `${WORDS.warn}:`)} `;
      terminal.err(`${word}${safeText(text)}\n`);
    },
    error(error, about) {
      const view = error instanceof Error ? errorView(error) : error;
      const happened = about === undefined ? view.message : `${about}: ${view.message}`;
      if (asJson) {
        const { code, hint, hostMessage, url } = view;
        log.error(happened, { code, hint, hostMessage, url: code === "captcha" ? null : url });
        return;
      }
      log.error(happened);
      for (const line of [words(view), next(view)]) if (line !== null) terminal.err(`  ${safeText(line)}\n`);
      const origin = error instanceof Error ? originOf(error) : null;
      if (origin !== null) for (const line of origin.split("\n")) log.debug(line);
    },
  };
}

function words({ hostMessage }: ErrorView): string | null {
  return hostMessage === null ? null : `the host says: "${hostMessage.slice(0, LONGEST_QUOTE)}"`;
}

function next({ code, hint, url }: ErrorView): string | null {
  if (url === null) return hint;
  if (code === "captcha") return hint === null ? `open ${url}` : `${hint}: ${url}`;
  return `${hint === null ? "" : `${hint}; `}the host gave this link all the same: ${url}`;
}

/** Where a failure comes from, which says more than its message only of bugs and of what was caught; null: nothing. */
function originOf({ code, cause, stack, message }: AppError): string | null {
  if (cause instanceof Error) return `caused by ${cause.stack ?? cause.message}`;
  return code === "internal" ? (stack ?? message) : null;
}

/** `--color`, else NO_COLOR and what the stream is. */
export function hasColor(stream: OutStream, env: CliIo["env"], choice: Globals["color"]): boolean {
  if (choice !== "auto") return choice === "always";
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}

export function tint(on: boolean, style: Parameters<typeof styleText>[0], text: string): string {
  return on ? styleText(style, text, { validateStream: false }) : text;
}
