import { safeJson, safeText } from "../safe-text.ts";

/** What a line is about; keys are those of the JSON form. */
export interface LogFields {
  readonly job?: string | undefined;
  readonly upload?: string | undefined;
  readonly account?: string | undefined;
  readonly requestId?: string | undefined;
  readonly [key: string]: string | number | undefined;
}

/** The server's log. `event` is a stable word, `message` for people; both may hold untrusted text, never a secret. */
export interface ServerLog {
  debug(event: string, message: string, fields?: LogFields): void;
  info(event: string, message: string, fields?: LogFields): void;
  warn(event: string, message: string, fields?: LogFields): void;
  error(event: string, message: string, fields?: LogFields): void;
}

const LEVELS = ["debug", "info", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

/** What systemd's journal calls them. */
const JOURNAL = { debug: "<7>", info: "<6>", warn: "<4>", error: "<3>" } as const satisfies Record<Level, string>;

export type LogForm = "text" | "json" | "journal";

/** `--log-format`, else what the journal understands, else text for people and JSON for everything else. */
export function logForm(
  choice: "auto" | "text" | "json",
  env: Readonly<Record<string, string | undefined>>,
  isTTY: boolean,
): LogForm {
  if (choice !== "auto") return choice;
  if (env.JOURNAL_STREAM) return "journal";
  return isTTY ? "text" : "json";
}

export interface LogOptions {
  readonly form: LogForm;
  /** The first level that is written. */
  readonly from: Level;
  readonly write: (line: string) => void;
  readonly now?: () => Date;
}

export function createLog({ form, from, write, now = () => new Date() }: LogOptions): ServerLog {
  const lineOf = (level: Level, event: string, message: string, fields: LogFields): string => {
    if (form === "json") return safeJson({ time: now().toISOString(), level, msg: message, event, ...fields });
    const facts = Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
    const text = safeText([message, ...facts].join(" "));
    return form === "journal" ? `${JOURNAL[level]}${text}` : `${now().toISOString()} ${level} ${text}`;
  };
  const at =
    (level: Level) =>
    (event: string, message: string, fields: LogFields = {}): void => {
      if (LEVELS.indexOf(level) >= LEVELS.indexOf(from)) write(`${lineOf(level, event, message, fields)}\n`);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
