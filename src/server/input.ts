import * as v from "valibot";
import { invalidInput } from "../core/invalid-input.ts";
import { AppError } from "../errors.ts";

/** A body. Fails with `usage`, naming what is wrong and where, without quoting. */
export function parseInput<const S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> {
  return parse(schema, value, true);
}

/** A query, likewise: `label.X` comes as `labels`, those of `lists` as arrays, others as texts. */
export function parseQuery<const S extends v.GenericSchema>(
  schema: S,
  query: URLSearchParams,
  lists: readonly string[] = [],
): v.InferOutput<S> {
  // What stands in a link may have come from anybody.
  return parse(schema, queryInput(query, lists), false);
}

/** `namesUnknown`: a key that is not known is named where it is a plain word. */
function parse<const S extends v.GenericSchema>(schema: S, value: unknown, namesUnknown: boolean): v.InferOutput<S> {
  // To valibot a list is an object, in which everything is missing.
  if (Array.isArray(value) && (schema.type === "strict_object" || schema.type === "object")) throw noObject();
  assertLabels(value);
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  if (typeof value !== "object" || value === null) throw noObject();
  const errors = parsed.issues.slice(0, 20).map((issue) => {
    const path = namesUnknown || !isUnknownKey(issue) ? pathOf(issue) : "";
    return { path, message: wordsOf(issue, path) };
  });
  throw invalidInput(errors);
}

/** Labels that valibot would leave out without a word: a list's, and those called as what every object has. */
function assertLabels(value: unknown): void {
  if (typeof value !== "object" || value === null || !("labels" in value)) return;
  const { labels } = value;
  if (Array.isArray(labels)) throw invalidInput([{ path: "labels", message: "must be an object" }]);
  if (typeof labels !== "object" || labels === null) return;
  const lost = ["__proto__", "constructor", "prototype"].find((name) => Object.hasOwn(labels, name));
  if (lost !== undefined) throw invalidInput([{ path: "labels", message: `must have no label named ${lost}` }]);
}

function noObject(): AppError {
  return invalidInput([{ path: "", message: "the body must be a JSON object" }]);
}

/** Fails with `usage`. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    throw new AppError("usage", "the body is not valid JSON");
  }
}

function isUnknownKey({ type, expected }: v.BaseIssue<unknown>): boolean {
  return type === "strict_object" && expected === "never";
}

/** Ends before what is no plain word, and before the names of labels: those are the caller's. */
function pathOf(issue: v.BaseIssue<unknown>): string {
  let path = "";
  for (const { type, key } of issue.path ?? []) {
    if (type === "array" && typeof key === "number") path += `[${key}]`;
    else if (type === "object" && isPlain(key)) path += path === "" ? key : `.${key}`;
    else break;
    if (key === "labels") break;
  }
  return path;
}

function isPlain(key: unknown): key is string {
  return typeof key === "string" && /^[A-Za-z]{1,32}$/.test(key);
}

const LABEL_NAMES = "must have names of 1 to 64 letters, digits, dots, dashes and underscores";

/** Never valibot's own words: they quote the value. */
function wordsOf(issue: v.BaseIssue<unknown>, path: string): string {
  const own = issue.message.startsWith("Invalid ") ? null : issue.message;
  if (own !== null) return own;
  if (issue.path?.[0]?.key === "labels" && issue.path.length > 1) {
    return issue.path[1]?.origin === "key" ? LABEL_NAMES : "must have texts of at most 1024 characters as values";
  }
  switch (issue.type) {
    case "strict_object":
      if (isUnknownKey(issue)) return path === "" ? "has a key that is not known" : "is not known";
      return issue.expected === "Object" ? "must be an object" : "is missing";
    case "object":
    case "record":
      return "must be an object";
    case "array":
      return "must be a list";
    case "string":
    case "number":
    case "boolean":
      return issue.received === "undefined" ? "is missing" : `must be a ${issue.type}`;
    case "picklist":
      return `must be one of ${issue.expected
        ?.replaceAll('"', "")
        .replaceAll(" | ", ", ")
        .replace(/^\(|\)$/g, "")}`;
    case "min_length":
      return "is empty";
    case "max_length":
      return "is too long";
    case "url":
      return "must be a URL";
    case "iso_timestamp":
      return "must be a time such as 2026-12-01T02:00:00Z";
    default:
      return "is not valid";
  }
}

function queryInput(query: URLSearchParams, lists: readonly string[]): unknown {
  const labels: [string, string][] = [];
  const others = new Map<string, string | string[]>();
  for (const key of new Set(query.keys())) {
    const values = query.getAll(key);
    const [only = ""] = values;
    if (key.startsWith("label.") && values.length === 1) labels.push([key.slice("label.".length), only]);
    else others.set(key, lists.includes(key) || values.length > 1 ? values : only);
  }
  return Object.fromEntries(labels.length === 0 ? others : [...others, ["labels", Object.fromEntries(labels)]]);
}
