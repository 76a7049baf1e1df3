import type { Options } from "./options.ts";
import { RESULT_OPTIONS } from "./result-options.ts";

const FIND = "Finding files";
const PACE = "Pace and failures";
const MORE = "What is uploaded, and what becomes of it";

/** `hoist up`. Defaults are told in the summaries, because the configuration may change them. */
export const UP_OPTIONS = {
  to: {
    type: "list",
    hint: "ACCOUNT[:FOLDER]",
    summary: "destination; several also separated by commas (default: [up] to of the configuration)",
  },
  name: {
    type: "value",
    hint: "NAME|TEMPLATE",
    summary:
      "name on the host, also with {name} {stem} {ext} {n} {n:3} {date} {rand:8}; needed for - (default: the file's name)",
  },
  dryRun: {
    type: "flag",
    short: "n",
    summary:
      "show what would be uploaded, without a network call; --skip-existing alone makes it read the host's lists",
  },
  recursive: {
    type: "flag",
    short: "r",
    summary: "walk directories: t makes t/…, t/ only what is in it",
    group: FIND,
  },
  filesFrom: { type: "value", hint: "FILE|-", summary: "take paths from a file, one per line", group: FIND },
  null: { type: "flag", short: "0", summary: "paths of --files-from end with NUL", group: FIND },
  include: {
    type: "list",
    hint: "GLOB",
    summary: "only these of what -r and --files-from find: *.jpg, a/*.jpg; dir/ is all in it",
    group: FIND,
  },
  exclude: { type: "list", hint: "GLOB", summary: "not these; wins over --include", group: FIND },
  minSize: { type: "value", hint: "SIZE", summary: "no smaller files: 500K, 10M, 1.5G", group: FIND },
  maxSize: { type: "value", hint: "SIZE", summary: "no larger files", group: FIND },
  minAge: { type: "value", hint: "DUR", summary: "no file changed more recently: 10m, 2h, 1d", group: FIND },
  parallel: { type: "value", short: "j", hint: "N", summary: "uploads at a time, 1 to 64 (default: 4)", group: PACE },
  limitRate: {
    type: "value",
    hint: "RATE",
    summary: 'total upload rate: 500K, 10M (bytes), 20Mbit, or by the clock "08:00,800K 23:30,off"',
    group: PACE,
  },
  retries: {
    type: "value",
    hint: "N",
    summary: "retries after failures that are safe to repeat (default: 5)",
    group: PACE,
  },
  retryUnknown: {
    type: "flag",
    summary: "also repeat an upload whose outcome is unknown; may leave a duplicate",
    group: PACE,
  },
  waitCooldown: {
    type: "value",
    hint: "DUR",
    summary: "wait through a pause that a host asks for; 0 fails at once (default: 30m)",
    group: PACE,
  },
  waitCaptcha: {
    type: "value",
    hint: "DUR",
    summary: "wait for a person to solve a captcha (default: 10m on a terminal, else 0)",
    group: PACE,
  },
  open: { type: "flag", summary: "open the page of a captcha in the browser", group: PACE },
  idleTimeout: { type: "value", hint: "DUR", summary: "give up when nothing moves (default: 60s)", group: PACE },
  answerTimeout: {
    type: "value",
    hint: "DUR",
    summary: "wait for the answer after the last byte (default: 10m and 1m per GiB)",
    group: PACE,
  },
  skipExisting: { type: "flag", summary: "skip what the destination already has", group: MORE },
  checksum: { type: "flag", summary: "compute the MD5 also where the host does not verify it", group: MORE },
  resumable: {
    type: "choice",
    choices: ["auto", "always", "never"],
    summary: "upload in blocks that a resume need not send again, where the host can (default: auto)",
    group: MORE,
  },
  overflow: {
    type: "choice",
    choices: ["fail", "new-folder"],
    summary: "files for a folder that is full: refuse them, or put them into NAME (2) (default: fail)",
    group: MORE,
  },
  after: {
    type: "value",
    hint: "keep|delete|move:DIR",
    offers: ["keep", "delete"],
    summary: "the source, once it is at every destination and verified; what -r finds keeps its place (default: keep)",
    group: MORE,
  },
  label: { type: "list", hint: "KEY=VALUE", summary: "kept in results and history", group: MORE },
  spool: { type: "flag", summary: "keep a copy of standard input, so that it can be sent again", group: MORE },
  history: { type: "flag", negated: true, summary: "keep no record of these uploads", group: MORE },
  ...RESULT_OPTIONS,
} as const satisfies Options;
