import { invalidInput } from "../core/invalid-input.ts";
import type { RequestKey, RequestName } from "../core/serve-store.ts";
import type { AddJob } from "../core/serving/add-job.ts";
import { pathsOf } from "../core/serving/enqueue.ts";
import type { JobRequest, Root, Submitter } from "../core/serving/jobs.ts";
import { isUnder, lookUnder } from "../io/safe-open.ts";
import { type HookJob, jobOfPath } from "./hooks/run.ts";
import { requestKey } from "./request-key.ts";
import type { Call } from "./route.ts";
import type { ServerSettings } from "./settings.ts";

/** What `Jobs.add` is asked for. */
export interface Submission {
  readonly request: JobRequest;
  readonly submitter: Submitter;
  readonly key: RequestKey | null;
}

export function requestOfHook(job: HookJob, group: string | null): JobRequest {
  return {
    path: job.path,
    to: job.to,
    // Braces mean nothing in a name that a sender gives.
    name: job.name === null ? null : job.name.replaceAll("{", "{{").replaceAll("}", "}}"),
    labels: {},
    recursive: job.recursive,
    callback: null,
    notBefore: null,
    settleMs: job.settleMs === 0 ? null : job.settleMs,
    resumable: "auto",
    after: { do: "keep" },
    group,
  };
}

/**
 * A path that a token's owner names as the hook's sender would. The file must be below a root of both: a hook lends its
 * settings, not its reach. Fails with `usage` and `source`.
 */
export function throughHook(call: Call, input: AddJob, settings: ServerSettings): Submission {
  const served = settings.hooks.get(input.hook ?? "");
  if (served === undefined) throw invalidInput([{ path: "hook", message: "is no hook of this server" }]);
  const { to, name, callback, after, resumable } = input;
  if (to.length > 0 || name !== null || callback !== null || after !== "keep" || resumable !== "auto") {
    throw invalidInput([{ path: "hook", message: "goes with path, labels, recursive and notBefore only" }]);
  }
  const { hook, submitter } = served;
  const job = jobOfPath(hook, input.path);
  const roots = commonRoots(submitter.roots, call.grant.roots);
  return {
    request: {
      ...requestOfHook(job, null),
      labels: input.labels,
      recursive: job.recursive || input.recursive,
      notBefore: input.notBefore === null ? null : Date.parse(input.notBefore),
    },
    submitter: { ...submitter, roots, mayDelete: false },
    key:
      requestKey(call, { ...input, hook: hook.name }) ??
      (mayRead(job.path, roots) ? requestKeyOf(job, submitter.name, null) : null),
  };
}

/** The key of one file of a request. */
export function requestKeyOf({ key }: HookJob, scope: string, request: RequestName | null): RequestKey | null {
  return key === null ? null : { scope, key, hash: null, request };
}

/** Who may not name a file learns nothing of a job that its sender has made. */
function mayRead(path: string, roots: readonly Root[]): boolean {
  try {
    return lookUnder(path, pathsOf(roots)) !== null;
  } catch {
    return false;
  }
}

/** What lies below a root of each. */
function commonRoots(ones: readonly Root[], others: readonly Root[]): readonly Root[] {
  const common = ones.flatMap(({ path }) =>
    others.flatMap((other) => {
      if (isUnder(path, [other.path])) return [path];
      return isUnder(other.path, [path]) ? [other.path] : [];
    }),
  );
  return [...new Set(common)].map((path) => ({ path, write: false }));
}
