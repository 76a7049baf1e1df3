import type { EngineEvent } from "../../core/events.ts";
import type { Outcome } from "../../core/job-store.ts";
import { formatBytes, formatDuration } from "../../core/units.ts";
import type { SummaryView } from "../../core/views.ts";
import { titleOf } from "./formats.ts";

export type SkipReason = NonNullable<Extract<Outcome, { readonly ok: true }>["skipReason"]>;
export const SKIP_WORDS: Readonly<Record<SkipReason, string>> = {
  ledger: "uploaded before",
  host: "there already, by name and size",
  running: "under way in another process",
};

export function notFinished(uploads: number): string {
  return `${count(uploads, "upload")} ${uploads === 1 ? "is" : "are"} not finished`;
}

export function unrecordedWords({ upload, why }: Extract<EngineEvent, { type: "unrecorded" }>): string {
  const what = `${titleOf(upload)} is up and its link holds, but it is not recorded (${why})`;
  return `${what}: hoist resume may send it again, so let it forget this one first: hoist resume --drop ${upload.id}`;
}

export function whatToDo({ account, waits }: Extract<EngineEvent, { type: "captcha" }>): string {
  return waits === false
    ? `solve it on this page and run this again (hoist account captcha ${account} waits for it)`
    : "open this page, the upload goes on by itself";
}

export function ownerOf({ owner }: Extract<EngineEvent, { type: "lane_busy" }>): string {
  return owner === null ? "" : `: ${owner.command}, process ${owner.pid}`;
}

export function sumUp(
  { ok, failed, skipped, bytes, seconds }: SummaryView,
  skips: ReadonlyMap<SkipReason, number>,
): string {
  const why = [...skips].map(([reason, times]) => `${skips.size > 1 ? `${times} ` : ""}${SKIP_WORDS[reason]}`);
  return [
    ...(ok > 0 ? [`${count(ok, "upload")} done (${formatBytes(bytes)} in ${formatDuration(seconds * 1000)})`] : []),
    ...(skipped > 0 ? [`${count(skipped, "upload")} skipped (${why.join(", ")})`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(", ");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
