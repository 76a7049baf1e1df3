import * as v from "valibot";
import { nearest } from "../core/nearest.ts";

/** A table people write: a key it does not know is an error that names the nearest one it does. */
export function section<const E extends v.ObjectEntries>(entries: E) {
  const known = Object.keys(entries);
  return v.strictObject(entries, (issue) => {
    if (issue.expected === "Object") return "must be a table";
    if (issue.expected !== "never") return "is missing";
    return `is not a known key; the nearest is ${nearest(String(issue.path?.at(-1)?.key), known)}`;
  });
}

/** Every problem of a parsed file, by full key path. Quotes keys, never values. */
export function describeIssues(issues: readonly v.BaseIssue<unknown>[]): string[] {
  return issues.map((issue) => `${keyPath(issue.path ?? [])} ${wordsOf(issue)}`);
}

/** As TOML would write it: `accounts.ulozto.password`, `up.to[1]`; keys that are not bare are quoted. */
function keyPath(path: readonly v.IssuePathItem[]): string {
  let text = "";
  for (const { key } of path) {
    if (typeof key === "number") text += `[${key}]`;
    else {
      const name = String(key);
      text += `${text === "" ? "" : "."}${/^[\w-]+$/.test(name) ? name : JSON.stringify(name)}`;
    }
  }
  return text === "" ? "the file" : text;
}

/** valibot's own messages, which quote the value, all begin like this; the schema's never do. */
function wordsOf(issue: v.BaseIssue<unknown>): string {
  return issue.message.startsWith("Invalid ") ? "is not valid" : issue.message;
}
