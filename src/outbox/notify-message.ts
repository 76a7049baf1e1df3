import type { NotifyTarget } from "../config/notify.ts";
import { type NotifyField, type NotifyPart, parseNotifyTemplate } from "../config/notify-template.ts";
import type { JobUploadView, JobView } from "../core/serving/job-view.ts";
import type { Json } from "../json.ts";
import { safeText } from "../safe-text.ts";
import { type Happening, payloadOf } from "./happening.ts";

/** The body of a message to a `[[notify]]`: its template filled in, or a sentence. */
export function notifyBody({ body, json }: Pick<NotifyTarget, "body" | "json">, what: Happening, now: number): string {
  const facts = factsOf(what);
  const labels = what.kind === "paused" ? {} : what.job.labels;
  const fill = (template: string) =>
    (parseNotifyTemplate(template) ?? []).map((part) => show(part, facts, labels)).join("");
  if (json === true) return payloadOf(what, now);
  if (json !== undefined) return JSON.stringify(filled(json, fill));
  return body === undefined ? sentence(facts) : fill(body);
}

/** What a body is, unless the section's headers say otherwise. */
export function notifyContentType({ json }: Pick<NotifyTarget, "json">): string {
  return json === undefined ? "text/plain; charset=utf-8" : "application/json";
}

type Facts = Readonly<Partial<Record<NotifyField, string>>>;

function factsOf(what: Happening): Facts {
  if (what.kind === "paused") {
    const { name, host, reason } = what.account;
    return { name, account: name, host, state: "paused", error: reason ?? "" };
  }
  const { job } = what;
  const failed = failedUpload(job);
  const page = what.kind === "captcha" ? (failed?.error?.url ?? null) : null;
  const links = page === null ? each(job, ({ url }) => url) : [page];
  return {
    name: each(job, ({ name }) => name).join(", "),
    url: links.join(" "),
    state: what.kind,
    error: failed === undefined ? "" : reasonOf(failed),
    account: each(job, ({ account }) => account).join(", "),
    id: job.id,
    host: each(job, ({ host }) => host).join(", "),
    folder: each(job, ({ folder }) => folder).join(", "),
    size: job.source.size === null ? "" : String(job.source.size),
    file: job.source.path,
    hook: job.hook ?? "",
  };
}

function failedUpload({ uploads }: JobView): JobUploadView | undefined {
  return uploads.find(({ error, state }) => error !== null && state !== "done");
}

function reasonOf({ error }: JobUploadView): string {
  if (error === null) return "";
  return error.hostMessage === null ? error.message : `${error.message} ("${error.hostMessage}")`;
}

/** Of all uploads, each once. */
function each({ uploads }: JobView, of: (upload: JobUploadView) => string | null): readonly string[] {
  return [...new Set(uploads.map(of).filter((text) => text !== null))];
}

function show(part: NotifyPart, facts: Facts, labels: Readonly<Record<string, string>>): string {
  switch (part.kind) {
    case "text":
      return part.text;
    case "field":
      return safeText(facts[part.field] ?? "");
    case "label":
      return safeText(Object.hasOwn(labels, part.label) ? (labels[part.label] ?? "") : "");
  }
}

function filled(value: Json, fill: (template: string) => string): Json {
  if (typeof value === "string") return fill(value);
  if (Array.isArray(value)) return value.map((item: Json) => filled(item, fill));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, fill)]));
}

/** `movie.mkv → ulozto: done https://…`. */
function sentence({ name = "", account = "", state = "", error = "", url = "" }: Facts): string {
  const about = name === account ? name : `${name} → ${account}`;
  return safeText(`${about}: ${state}${error === "" ? "" : `, ${error}`}${url === "" ? "" : ` ${url}`}`);
}
