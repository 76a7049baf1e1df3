import type { JobUploadView, JobView } from "../../core/serving/job-view.ts";
import { formatBytes } from "../../core/units.ts";
import { destinationOf } from "./formats.ts";

/** For people; not yet safe to show. */
export function jobLine(job: JobView): string {
  return `${job.id}  ${stateOf(job)}  ${nameOf(job)} → ${job.uploads.map(destinationOf).join(", ")}`;
}

/** What `hoist jobs show` tells of a job. */
export function jobLines(job: JobView): readonly string[] {
  const facts: readonly (readonly [string, string | null])[] = [
    ["file", `${job.source.path}${job.source.size === null ? "" : ` (${formatBytes(job.source.size)})`}`],
    ["created", job.createdAt],
    ["not before", job.notBefore],
    ["started", job.startedAt],
    ["ended", job.finishedAt],
    ["hook", job.hook],
    ["group", job.group],
    ["labels", labelsOf(job)],
  ];
  return [
    jobLine(job),
    ...facts.flatMap(([name, value]) => (value === null ? [] : [`  ${name}: ${value}`])),
    ...job.uploads.flatMap(uploadLines),
  ];
}

function uploadLines(upload: JobUploadView): readonly string[] {
  const { error, url } = upload;
  const progress = upload.state === "running" ? ` ${progressOf(upload)}` : "";
  return [
    `  ${destinationOf(upload)}: ${stateOf(upload)}${progress}${url === null ? "" : `  ${url}`}`,
    ...(error === null ? [] : [`    ${error.code}: ${error.message}`]),
    ...(error?.hostMessage == null ? [] : [`    the host says: "${error.hostMessage}"`]),
    ...(error?.url == null ? [] : [`    ${error.url}`]),
  ];
}

function progressOf({ bytes, size }: JobUploadView): string {
  return size === null ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(size)}`;
}

/** `waiting (captcha)`. Servers of an earlier version tell no time. */
export function stateOf({ state, waitingFor, waitingUntil }: Pick<JobView, "state" | "waitingFor" | "waitingUntil">) {
  if (waitingFor == null) return state;
  return `${state} (${waitingFor}${waitingUntil == null ? "" : ` until ${waitingUntil}`})`;
}

function nameOf({ uploads }: JobView): string {
  return uploads[0]?.name ?? "?";
}

function labelsOf({ labels }: JobView): string | null {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? null : pairs.join(" ");
}
