import type { Options, Values } from "./argv/options.ts";

/** Understood before and after every command's name. */
export const GLOBAL_OPTIONS = {
  config: {
    type: "value",
    hint: "FILE",
    summary: "configuration file (default: hoist config path prints it)",
    group: "Global options",
  },
  stateDir: {
    type: "value",
    hint: "DIR",
    summary: "directory of history, resume and jobs (default: HOIST_STATE_DIR, else your own)",
    group: "Global options",
  },
  color: {
    type: "choice",
    choices: ["auto", "always", "never"],
    default: "auto",
    summary: "colours (NO_COLOR is honoured)",
    group: "Global options",
  },
  quiet: { type: "flag", short: "q", summary: "no progress, notes or warnings; errors stay", group: "Global options" },
  verbose: { type: "flag", short: "v", summary: "debug log on stderr; never a secret", group: "Global options" },
  logFormat: {
    type: "choice",
    choices: ["auto", "text", "json"],
    default: "auto",
    summary: "form of what goes to stderr",
    group: "Global options",
  },
  help: { type: "flag", short: "h", summary: "show help", group: "Global options" },
  version: { type: "flag", short: "V", summary: "show the version", group: "Global options" },
} as const satisfies Options;

export type Globals = Omit<Values<typeof GLOBAL_OPTIONS>, "help" | "version">;
