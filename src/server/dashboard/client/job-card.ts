import type { JobUploadView, JobView } from "../../../core/serving/job-view.ts";
import { safeText } from "../../../safe-text.ts";
import { element, moment, safeLink, size } from "./dom.ts";

/** What only events tell of a running upload. */
export interface Progress {
  readonly bytes: number;
  readonly size: number | null;
  /** Bytes per second. */
  readonly rate: number;
}

export type Action = "cancel" | "retry" | "forget";

export interface JobCardOptions {
  readonly progress: (upload: JobUploadView) => Progress | null;
  readonly act: (action: Action, job: JobView) => void;
  readonly copy: (text: string) => Promise<void>;
}

const ENDED = new Set(["done", "failed", "cancelled", "unknown"]);
const RETRYABLE = new Set(["failed", "cancelled", "unknown"]);
const WAITS: Readonly<Record<string, string>> = {
  "cool-down": "the host's cool-down",
  captcha: "a person: captcha",
  notBefore: "its time",
  settle: "the file to stand still",
  account: "its account",
  retry: "another try",
};

export function jobCard(job: JobView, options: JobCardOptions): HTMLElement {
  const name = job.uploads[0]?.name ?? job.source.path;
  const ended = ENDED.has(job.state);
  return element(
    "article",
    { className: `job ${job.state}`, data: { id: job.id, state: job.state } },
    element(
      "header",
      {},
      element("h3", { title: safeText(job.source.path) }, name),
      badge(job.state),
      element("span", { className: "facts" }, facts(job)),
    ),
    element("ul", { className: "uploads" }, ...job.uploads.map((upload) => uploadRow(upload, options))),
    element(
      "footer",
      {},
      ended ? null : button("Cancel", name, () => options.act("cancel", job)),
      RETRYABLE.has(job.state) ? button("Retry", name, () => options.act("retry", job)) : null,
      ended ? button("Forget", name, () => options.act("forget", job)) : null,
    ),
  );
}

function facts(job: JobView): string {
  const parts = [moment(job.createdAt)];
  if (job.source.size !== null) parts.push(size(job.source.size));
  if (job.hook !== null) parts.push(`hook ${job.hook}`);
  parts.push(...Object.entries(job.labels).map(([key, value]) => `${key}=${value}`));
  return parts.join(" · ");
}

function badge(state: string): HTMLElement {
  return element("span", { className: "badge" }, state);
}

function button(text: string, what: string, onclick: () => void): HTMLElement {
  return element("button", { type: "button", ariaLabel: `${text} ${what}`, onclick }, text);
}

function uploadRow(upload: JobUploadView, options: JobCardOptions): HTMLElement {
  const place = `${upload.account}${upload.folder === null ? "" : `:${upload.folder}`}`;
  return element(
    "li",
    { data: { id: upload.id, state: upload.state } },
    element("span", { className: "place" }, place),
    badge(upload.state),
    upload.state === "running" ? bar(options.progress(upload), upload) : null,
    upload.waitingFor === null ? null : element("span", {}, `waits for ${waitsFor(upload, upload.waitingFor)}`),
    upload.state === "done" ? link(upload, options) : null,
    upload.state === "cancelled" ? null : failure(upload),
  );
}

function waitsFor({ waitingUntil }: JobUploadView, reason: string): string {
  const known = WAITS[reason] ?? reason;
  return waitingUntil === null ? known : `${known}: ${moment(waitingUntil)}`;
}

function bar(progress: Progress | null, upload: JobUploadView): HTMLElement {
  const total = progress?.size ?? upload.size;
  const bytes = progress?.bytes ?? upload.bytes;
  const text = [
    total === null || total === 0 ? size(bytes) : `${Math.floor((100 * bytes) / total)} % of ${size(total)}`,
    progress === null ? upload.phase : `${size(progress.rate)}/s`,
  ].join(", ");
  const known = total !== null && total > 0;
  return element(
    "span",
    { className: "progress" },
    element("progress", known ? { max: total, value: bytes, ariaLabel: text } : { ariaLabel: text }),
    text,
  );
}

function link(upload: JobUploadView, { copy }: JobCardOptions): HTMLElement | null {
  const url = safeLink(upload.url);
  if (url === null) return element("span", {}, upload.skipped ? "was there already" : "no link");
  return element(
    "span",
    { className: "link" },
    element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url),
    copyButton(`Copy link of ${upload.name} on ${upload.account}`, () => copy(url)),
  );
}

const COPIED_MS = 2_000;

/** Says for a moment that it has done so. */
function copyButton(ariaLabel: string, copy: () => Promise<void>): HTMLElement {
  const copied = () => {
    made.textContent = "Copied";
    setTimeout(() => {
      made.textContent = "Copy";
    }, COPIED_MS);
  };
  // What goes wrong has been told by whoever copies.
  const made = element(
    "button",
    { type: "button", ariaLabel, onclick: () => void copy().then(copied, () => {}) },
    "Copy",
  );
  return made;
}

function failure({ error }: JobUploadView): HTMLElement | null {
  if (error === null) return null;
  const page = safeLink(error.url);
  return element(
    "p",
    { className: "error" },
    error.message,
    error.hostMessage === null ? null : element("q", {}, error.hostMessage),
    error.hint === null ? null : element("span", { className: "hint" }, error.hint),
    page === null
      ? null
      : element(
          "a",
          { href: page, target: "_blank", rel: "noopener noreferrer" },
          error.code === "captcha" ? "Open the captcha" : page,
        ),
  );
}
