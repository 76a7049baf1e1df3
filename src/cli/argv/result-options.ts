import { AppError } from "../../errors.ts";
import { FORMAT_NAMES } from "../output/formats.ts";
import type { Options, Values } from "./options.ts";

/** How results are shown: shared by `up` and `resume`. */
export const RESULT_OPTIONS = {
  format: {
    type: "value",
    hint: "NAME|TEMPLATE",
    offers: FORMAT_NAMES,
    summary:
      'text, json, url, markdown, bbcode, html, csv, or a template such as "{url} {name}": see hoist help formats (default: text on a terminal, else url)',
    group: "Results",
  },
  json: { type: "flag", summary: "the same as --format json", group: "Results" },
  groupBy: {
    type: "choice",
    choices: ["host", "file"],
    summary: "a heading before the links of each host or file",
    group: "Results",
  },
  progress: {
    type: "choice",
    choices: ["auto", "always", "never"],
    default: "auto",
    summary: "bars on stderr; auto: if it is a terminal and CI is not set",
    group: "Results",
  },
} as const satisfies Options;

/** The format asked for by name or template; undefined when none is. Fails with `usage`. */
export function formatAskedFor({
  format,
  json,
}: Pick<Values<typeof RESULT_OPTIONS>, "format" | "json">): string | undefined {
  if (json && format !== undefined && format !== "json") {
    throw new AppError("usage", "--json and --format exclude each other");
  }
  return json ? "json" : format;
}

/** What is shown when nobody asked: links for programs, more for people. */
export function defaultFormat(stdout: { readonly isTTY?: boolean | undefined }): string {
  return stdout.isTTY === true ? "text" : "url";
}
