import { AppError, type ErrorView, errorView } from "../../errors.ts";
import type { Phase } from "../../hosts/phase.ts";
import type { UploadRecord } from "../job-store.ts";
import { JOB_STATES, type JobRecord, type JobState, type JobUpload, type WaitReason } from "../serve-store.ts";

/** One upload of a job: every key of the command line's result, and where it stands. */
export interface JobUploadView {
  readonly state: JobState;
  readonly phase: Phase;
  /** Bytes handed over in this attempt. */
  readonly bytes: number;
  readonly waitingFor: WaitReason | null;
  /** When that is over, as far as it is known; null for what has no time. */
  readonly waitingUntil: string | null;
  readonly id: string;
  /** Null until it has ended. */
  readonly ok: boolean | null;
  readonly file: string;
  readonly name: string;
  readonly account: string;
  readonly host: string;
  readonly folder: string | null;
  readonly size: number | null;
  readonly md5: string | null;
  readonly url: string | null;
  readonly remoteId: string | null;
  readonly verified: "md5" | "size" | null;
  readonly attempts: number;
  readonly seconds: number | null;
  readonly skipped: boolean;
  readonly skipReason: "ledger" | "host" | "running" | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly error: ErrorView | null;
}

/** The one JSON of a job: on the API, in events and callbacks, and from `hoist jobs`. Times are RFC 3339, UTC. */
export interface JobView {
  readonly v: 1;
  readonly id: string;
  readonly state: JobState;
  /** With its time, of the first upload that waits. */
  readonly waitingFor: WaitReason | null;
  readonly waitingUntil: string | null;
  readonly source: { readonly path: string; readonly size: number | null };
  readonly labels: Readonly<Record<string, string>>;
  readonly group: string | null;
  readonly hook: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly notBefore: string | null;
  readonly uploads: readonly JobUploadView[];
}

/** What only the running server knows, added to what is stored. */
export interface LiveFacts {
  /** Bytes handed over by a running upload. */
  bytes(uploadId: string): number | null;
  /** Why an account's queued uploads wait, also for the account itself to be configured again; null when they do not. */
  accountWait(accountKey: string): Extract<WaitReason, "cool-down" | "captcha" | "account"> | null;
  /** Why nothing takes up an upload that waits for its account to be configured again; null for another. */
  accountLost(upload: Pick<UploadRecord, "account" | "accountKey">): ErrorView | null;
  /** Until when the account is left alone, milliseconds since the epoch; null: it is not. */
  coolDownUntil(accountKey: string): number | null;
  /** The page a person must open for an upload. */
  captcha(uploadId: string): string | null;
  /** The page that all uploads of an account wait for. */
  accountCaptcha(accountKey: string): string | null;
  /** Whether a running upload waits for the end of a cool-down. */
  rests(uploadId: string): boolean;
}

const NOTHING_LIVE: LiveFacts = {
  bytes: () => null,
  accountWait: () => null,
  accountLost: () => null,
  coolDownUntil: () => null,
  captcha: () => null,
  accountCaptcha: () => null,
  rests: () => false,
};
/** The host has every byte, whatever it still does with them. */
const HANDED_OVER: ReadonlySet<Phase> = new Set(["stored", "placed", "committing", "committed"]);

export function jobView(job: JobRecord, live: LiveFacts = NOTHING_LIVE): JobView {
  const uploads = job.uploads.map((upload) => jobUploadView(upload, live));
  const state = jobStateOf(uploads.map((upload) => upload.state));
  const ended = isEnded(state);
  const waiting = state === "waiting" ? uploads.find((upload) => upload.waitingFor !== null) : undefined;
  return {
    v: 1,
    id: job.id,
    state,
    waitingFor: waiting?.waitingFor ?? null,
    waitingUntil: waiting?.waitingUntil ?? null,
    source: { path: job.source.path, size: job.source.size },
    labels: job.labels,
    group: job.group,
    hook: job.hook,
    createdAt: timestamp(job.createdAt),
    startedAt: earliest(job.uploads.map((upload) => upload.startedAt)),
    finishedAt: ended ? latest(job.uploads.map((upload) => upload.finishedAt)) : null,
    notBefore: job.notBefore === null ? null : timestamp(job.notBefore),
    uploads,
  };
}

function jobUploadView(upload: JobUpload, live: LiveFacts): JobUploadView {
  const { outcome } = upload;
  const parked = live.captcha(upload.id);
  const waitingFor = waitReason(upload, live, parked);
  const captcha = parked ?? (waitingFor === "captcha" ? live.accountCaptcha(upload.accountKey) : null);
  const state = shownState(upload, waitingFor);
  const done = outcome?.ok === true ? outcome : null;
  const error = outcome?.ok === false ? outcome.error : null;
  return {
    state,
    phase: upload.phase,
    bytes: bytesOf(upload, state, live),
    waitingFor,
    waitingUntil: waitEnd(upload, waitingFor, live),
    id: upload.id,
    ok: isEnded(state) ? state === "done" : null,
    file: upload.source.path,
    name: upload.name,
    account: upload.account,
    host: upload.host,
    folder: upload.folder,
    size: done?.size ?? upload.source.size,
    md5: done?.md5 ?? null,
    url: done?.url ?? null,
    remoteId: done?.remoteId ?? null,
    verified: done?.verified ?? null,
    attempts: upload.attempts,
    seconds: isEnded(state) ? Math.round(upload.seconds * 1000) / 1000 : null,
    skipped: done?.skipped ?? false,
    skipReason: done?.skipReason ?? null,
    labels: upload.labels,
    error: waitError(upload, { waitingFor, captcha }, live) ?? error,
  };
}

/** An upload that has ended may count as live for a moment yet. */
function bytesOf({ id, outcome, phase, source }: JobUpload, state: JobState, live: LiveFacts): number {
  if (isEnded(state)) return outcome?.ok === true ? outcome.size : 0;
  return HANDED_OVER.has(phase) ? (source.size ?? live.bytes(id) ?? 0) : (live.bytes(id) ?? 0);
}

/** What a person can do about a wait; null where that is no more than to wait. */
function waitError(
  upload: JobUpload,
  { waitingFor, captcha }: { readonly waitingFor: WaitReason | null; readonly captcha: string | null },
  live: LiveFacts,
): ErrorView | null {
  if (captcha !== null) return captchaError(upload, captcha);
  return waitingFor === "account" ? live.accountLost(upload) : null;
}

/** A job that waits for a person shows the page to open. */
function captchaError(upload: UploadRecord, url: string): ErrorView {
  return errorView(
    new AppError("captcha", `${upload.host} wants a person to solve a captcha`, {
      hint: "open the page and solve it; the upload goes on by itself",
      url,
    }),
  );
}

function waitReason(upload: JobUpload, live: LiveFacts, captcha: string | null): WaitReason | null {
  if (captcha !== null) return "captcha";
  if (upload.state === "running" && live.rests(upload.id)) return "cool-down";
  if (upload.state !== "queued" && upload.state !== "interrupted") return null;
  return upload.waitingFor ?? live.accountWait(upload.accountKey);
}

function waitEnd(upload: JobUpload, waitingFor: WaitReason | null, live: LiveFacts): string | null {
  if (waitingFor === null || waitingFor === "captcha" || waitingFor === "account") return null;
  const end = waitingFor === "cool-down" ? live.coolDownUntil(upload.accountKey) : upload.dueAt;
  return end === null ? null : timestamp(end);
}

function shownState(upload: JobUpload, waitingFor: WaitReason | null): JobState {
  if (waitingFor !== null) return "waiting";
  return upload.state === "interrupted" ? "queued" : upload.state;
}

export function jobStateOf(states: readonly JobState[]): JobState {
  return JOB_STATES.find((state) => states.includes(state)) ?? "done";
}

export function isEnded(state: JobState): boolean {
  return state === "done" || state === "failed" || state === "cancelled" || state === "unknown";
}

function earliest(times: readonly (number | null)[]): string | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : timestamp(Math.min(...known));
}

function latest(times: readonly (number | null)[]): string | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : timestamp(Math.max(...known));
}

export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
