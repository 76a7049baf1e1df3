import { didYouMean } from "../../core/nearest.ts";
import { formatBytes, formatTime } from "../../core/units.ts";
import type { ResultView } from "../../core/views.ts";
import { AppError } from "../../errors.ts";

/** One upload as a line shows it. */
export interface Facts {
  readonly view: ResultView;
  /** Milliseconds since the epoch at which it ended; null while it has not. */
  readonly time: number | null;
  /** Number of the line, from 1. */
  readonly number: number;
}

type Part = string | ((facts: Facts) => string | number | null);

const PARTS: Readonly<Record<string, (facts: Facts) => string | number | null>> = {
  url: ({ view }) => (view.ok ? view.url : null),
  name: ({ view }) => view.name,
  file: ({ view }) => view.file,
  size: ({ view }) => view.size,
  "size:h": ({ view }) => (view.size === null ? null : formatBytes(view.size)),
  md5: ({ view }) => (view.ok ? view.md5 : null),
  account: ({ view }) => view.account,
  host: ({ view }) => view.host,
  folder: ({ view }) => view.folder,
  time: ({ time }) => (time === null ? null : formatTime(time)),
  n: ({ number }) => number,
};

const ESCAPES: Readonly<Record<string, string>> = { "\\n": "\n", "\\t": "\t", "\\\\": "\\", "{{": "{", "}}": "}" };

/**
 * A `--format` with placeholders → a function that fills them in; what does not exist is empty. `show` is applied
 * to what is filled in, not to the template. Fails with `usage` on a placeholder it does not know.
 */
export function compileTemplate(template: string, show: (text: string) => string): (facts: Facts) => string {
  const parts: Part[] = [];
  let end = 0;
  for (const match of template.matchAll(/\{\{|\}\}|\\[nt\\]|\{([^{}]*)\}|\{/g)) {
    parts.push(template.slice(end, match.index));
    end = match.index + match[0].length;
    parts.push(ESCAPES[match[0]] ?? placeholder(match[1]));
  }
  parts.push(template.slice(end));
  return (facts) => parts.map((part) => (typeof part === "string" ? part : show(String(part(facts) ?? "")))).join("");
}

function placeholder(key: string | undefined): Part {
  if (key === undefined) throw new AppError("usage", "--format has a { without a }", { hint: "write {{ for a brace" });
  if (Object.hasOwn(PARTS, key)) return PARTS[key] as Part;
  const label = /^label\.([A-Za-z0-9_.-]+)$/.exec(key)?.[1];
  if (label !== undefined) return ({ view }) => (Object.hasOwn(view.labels, label) ? (view.labels[label] ?? "") : "");
  const known = [...Object.keys(PARTS), "label.KEY"];
  const wanted = didYouMean(key, known);
  throw new AppError("usage", `--format does not know {${key}}`, {
    hint: wanted === undefined ? `it knows ${known.map((name) => `{${name}}`).join(" ")}` : `did you mean {${wanted}}?`,
  });
}
