import { didYouMean } from "../../core/nearest.ts";
import { formatBytes, formatDuration } from "../../core/units.ts";
import type { ResultView } from "../../core/views.ts";
import { AppError } from "../../errors.ts";
import { briefly, safeText } from "../../safe-text.ts";
import { compileTemplate, type Facts } from "./template.ts";

/** How results are written as text; `json` stands apart, because it is not lines in an order. */
export interface LineFormat {
  /** Before everything else. */
  readonly header?: string;
  /** Without a line break at its end; null when this upload has no line. */
  line(facts: Facts): string | null;
  /** Undefined: groups cannot be told apart in this format. */
  heading?(name: string): string;
}

export type Format = { readonly json: true } | ({ readonly json: false } & LineFormat);

const CSV_COLUMNS = ["file", "name", "account", "folder", "size", "md5", "url", "error"] as const;

const hash = (name: string) => `# ${safeText(name)}`;

const FORMATS: Readonly<Record<string, LineFormat>> = {
  text: { line: ({ view }) => safeText(textLine(view)), heading: hash },
  url: { line: linkLine((url) => safeText(url)), heading: hash },
  markdown: {
    line: linkLine((url, name) => `[${escapeMarkdown(name)}](${encodeOnly(url, /[()<>\s\\]/g)})`),
    heading: (name) => `## ${escapeMarkdown(name)}`,
  },
  bbcode: {
    line: linkLine((url, name) => `[url=${encodeOnly(url, /[[\]\s]/g)}]${escapeBbcode(name)}[/url]`),
    heading: (name) => `[b]${escapeBbcode(name)}[/b]`,
  },
  html: {
    line: linkLine((url, name) => `<a href="${escapeHtml(url)}">${escapeHtml(name)}</a>`),
    heading: (name) => `<h2>${escapeHtml(name)}</h2>`,
  },
  csv: { header: CSV_COLUMNS.join(","), line: csvLine },
};

export const FORMAT_NAMES = [...Object.keys(FORMATS), "json"] as const;

/** `--format`: a name, or a template if it has a `{`. Fails with `usage`. */
export function compileFormat(text: string): Format {
  if (text === "json") return { json: true };
  const named = Object.hasOwn(FORMATS, text) ? FORMATS[text] : undefined;
  if (named !== undefined) return { json: false, ...named };
  if (!text.includes("{")) {
    const wanted = didYouMean(text, FORMAT_NAMES);
    throw new AppError("usage", `there is no format "${text}"`, {
      hint:
        wanted === undefined
          ? `${FORMAT_NAMES.join(", ")}, or a template such as "{url} {name}"`
          : `did you mean ${wanted}?`,
    });
  }
  const fill = compileTemplate(text, safeText);
  return { json: false, line: (facts) => (facts.view.ok ? fill(facts) : null), heading: hash };
}

/** `[up] format` of the configuration. Fails with `config`. */
export function configuredFormat(text: string | undefined): Format | undefined {
  try {
    return text === undefined ? undefined : compileFormat(text);
  } catch (error) {
    throw error instanceof AppError ? error.with({ code: "config", message: `[up] format: ${error.message}` }) : error;
  }
}

function linkLine(write: (url: string, name: string) => string): LineFormat["line"] {
  return ({ view }) => (view.ok && view.url !== null ? write(view.url, view.name) : null);
}

/** `ulozto:/Backups`, as one would type it. */
export function destinationOf({ account, folder }: Pick<ResultView, "account" | "folder">): string {
  return folder === null ? account : `${account}:${folder}`;
}

/** `x.bin → ulozto:/Backups`: for people, not yet safe to show. */
export function titleOf(upload: Pick<ResultView, "name" | "account" | "folder">): string {
  const name = upload.name === "" ? '""' : briefly(upload.name);
  // What a server refused before it had a job may have been meant for anywhere.
  return upload.account === "" ? name : `${name} → ${destinationOf(upload)}`;
}

/** For people; not yet safe to show. */
export function textLine(view: ResultView): string {
  const what = titleOf(view);
  if (!view.ok) return `${what}  ${view.error.code === "cancelled" ? "not finished" : `failed: ${view.error.code}`}`;
  const size = formatBytes(view.size);
  const how = view.skipped
    ? `${size}, ${SKIPPED[view.skipReason ?? "ledger"]}`
    : `${size} in ${formatDuration(view.seconds * 1000)}`;
  return `${what}  ${view.url === null ? "" : `${view.url}  `}(${how})`;
}

const SKIPPED = {
  ledger: "uploaded before",
  host: "already there",
  running: "another process is uploading it",
} as const;

function csvLine({ view }: Facts): string {
  const cells: Readonly<Record<(typeof CSV_COLUMNS)[number], string | number | null>> = {
    file: view.file,
    name: view.name,
    account: view.account,
    folder: view.folder,
    size: view.size,
    md5: view.ok ? view.md5 : null,
    url: view.ok ? view.url : null,
    error: view.ok ? null : view.error.code,
  };
  return CSV_COLUMNS.map((column) => csvCell(cells[column])).join(",");
}

/** RFC 4180; line breaks are escaped before, so that one upload is one line. */
function csvCell(value: string | number | null): string {
  const text = safeText(String(value ?? ""));
  return /[",]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function escapeHtml(text: string): string {
  return Bun.escapeHTML(safeText(text));
}

/** What would end the link or change the look of the name; `_` inside a word does neither. */
function escapeMarkdown(text: string): string {
  return safeText(text)
    .replace(/[\\`*[\]<~]|&(?=#?\w+;)/g, "\\$&")
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_");
}

/** BBCode cannot escape: a closing tag is the one thing in a name that would break the link. */
function escapeBbcode(text: string): string {
  return safeText(text).replaceAll("[/", "&#91;/");
}

function encodeOnly(url: string, characters: RegExp): string {
  return safeText(url).replace(
    characters,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
