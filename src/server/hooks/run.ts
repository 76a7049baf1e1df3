import type { Destination } from "../../core/planning/destinations.ts";
import type { RequestName } from "../../core/serve-store.ts";
import { AppError } from "../../errors.ts";
import { conditionHolds } from "./conditions.ts";
import { type JobKey, jobKeyOf, requestNameOf } from "./dedupe.ts";
import { renderDestination } from "./destination-template.ts";
import { type EventId, eventIdOf, fileAt, findFiles } from "./find-files.ts";
import type { Hook } from "./hook.ts";
import { selectTexts } from "./json-path.ts";
import { type Located, locate, noPath } from "./locate.ts";
import { directoriesBelow } from "./paths.ts";
import { type Payload, readPayload } from "./payload.ts";
import type { FoundFile, NoUpload } from "./preset.ts";
import type { HookRequest } from "./request.ts";
import { safeSegment } from "./segment.ts";

/** Bytes and characters. */
const LONGEST_NAME = 255;

/** An upload that a hook asks for; several of one request are a group. */
export interface HookJob extends Located, JobKey {
  readonly to: readonly Destination[];
  /** Null: the file's own. */
  readonly name: string | null;
  /** The path may be a directory: all of it is meant. */
  readonly recursive: boolean;
  /** Size and mtime must stand still this long before the file is sent. */
  readonly settleMs: number;
}

export type HookOutcome =
  | NoUpload
  | {
      readonly kind: "jobs";
      readonly jobs: readonly HookJob[];
      readonly eventId: string | null;
      /** With it another payload is refused; null: nothing says that it may not come. */
      readonly requestName: RequestName | null;
      /** What was asked for and is not done, for whoever set up the hook; holds nothing of the input. */
      readonly notes: readonly string[];
    };

/**
 * What a request asks for, once it is known to come from the hook's sender. Opens nothing: roots are the server's to
 * judge. Fails with `usage` when the payload cannot be read and with `source` when it names no file; the messages hold
 * nothing of the input.
 */
export function runHook(hook: Hook, request: HookRequest): HookOutcome {
  const payload = readPayload(hook, request);
  const nothing = hook.preset.recognize(payload) ?? unmetCondition(hook, payload);
  if (nothing !== null) return nothing;
  const found = findFiles(hook, payload);
  const event = eventIdOf(hook.auth, request.headers, found.eventId);
  const { names, notes } = namesOf(hook, payload, found.files.length);
  return {
    kind: "jobs",
    jobs: hookJobs(hook, payload, { files: found.files, names, event }),
    eventId: event?.id ?? null,
    requestName: requestNameOf(hook, event, payload),
    notes,
  };
}

/**
 * The job of a path that somebody names by hand instead of sending a payload. Fails with `source` when a destination of
 * the hook needs a value of the payload.
 */
export function jobOfPath(hook: Hook, path: string): HookJob {
  const nothingSaid: Payload = { value: {}, fields: false, headers: new Headers() };
  const [job] = hookJobs(hook, nothingSaid, { files: [fileAt(hook, path)], names: [], event: null });
  if (job === undefined) throw noPath();
  return job;
}

/** The first line of `when` that does not hold, as the reason to skip. */
function unmetCondition({ when }: Hook, payload: Payload): NoUpload | null {
  const index = when.findIndex((condition) => !conditionHolds(condition, payload));
  if (index === -1) return null;
  return { kind: "skipped", reason: `when[${index}] does not hold (${when[index]?.at})` };
}

interface Found {
  readonly files: readonly FoundFile[];
  /** By file; null or missing: its own. */
  readonly names: readonly (string | null)[];
  readonly event: EventId | null;
}

function hookJobs(hook: Hook, payload: Payload, { files, names, event }: Found): HookJob[] {
  const jobs = files.map((file, index): HookJob => {
    const located = locate(hook, file);
    const below = hook.base === null ? [] : directoriesBelow(hook.base, located.path);
    return {
      ...located,
      to: destinationsOf(hook, payload, below),
      name: names[index] ?? null,
      recursive: hook.preset.directories,
      settleMs: hook.settleMs,
      ...jobKeyOf(hook, file.identity, event, located.path),
    };
  });
  const distinct = new Map(jobs.map((job) => [job.path, job]));
  if (distinct.size === 0) throw noPath();
  return [...distinct.values()];
}

/** Each once: two templates may come to the same folder. */
function destinationsOf(hook: Hook, payload: Payload, below: readonly string[]): readonly Destination[] {
  const destinations = hook.to.map((template) => renderDestination(template, payload.value, below));
  return [...new Map(destinations.map((each) => [JSON.stringify([each.account.key, each.folder]), each])).values()];
}

/** One name is for one file: several files that share it keep their own. */
function namesOf({ namePath }: Hook, payload: Payload, files: number): Pick<Found, "names"> & { notes: string[] } {
  const names = namePath === null ? [] : selectTexts(namePath, payload.value);
  if (names.length === files) return { names: names.map(usableName), notes: [] };
  if (names.length === 0) return { names: [], notes: [] };
  return {
    names: [],
    notes: [
      `path finds ${counted(files, "file")} and name ${counted(names.length, "name")}: every file keeps its own name`,
    ],
  };
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function usableName(text: string): string | null {
  if (text.trim() === "") return null;
  const name = safeSegment(text);
  if (Buffer.byteLength(name) <= LONGEST_NAME) return name;
  throw new AppError("source", `the payload gives a name of more than ${LONGEST_NAME} bytes`);
}
