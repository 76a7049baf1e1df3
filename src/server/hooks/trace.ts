import { type AppError, toAppError } from "../../errors.ts";
import { safeJson, safeText } from "../../safe-text.ts";
import { conditionHolds } from "./conditions.ts";
import { describeCount } from "./dedupe.ts";
import { findFiles } from "./find-files.ts";
import type { Hook } from "./hook.ts";
import { select } from "./json-path.ts";
import { type Payload, readPayload } from "./payload.ts";
import type { HookRequest } from "./request.ts";
import { type HookJob, type HookOutcome, runHook } from "./run.ts";

/** What the server would say of a path: a word for people, and whether it would queue it. */
export interface RootVerdict {
  readonly ok: boolean;
  readonly why: string;
}

export interface WhenTrace {
  readonly at: string;
  readonly test: string;
  /** What stands there. */
  readonly values: readonly unknown[];
  readonly holds: boolean;
}

/** What a hook makes of a payload, step by step, for the person who sets it up. Holds what the sender wrote. */
export interface HookTrace {
  readonly hook: string;
  readonly preset: string;
  readonly when: readonly WhenTrace[];
  /** Every path the payload names, before anything is done to it. */
  readonly extracted: readonly string[];
  readonly outcome: HookOutcome | { readonly kind: "refused"; readonly error: AppError };
  /** One for each job of the outcome. */
  readonly roots: readonly RootVerdict[];
  /** How often each would be queued, in words. */
  readonly counts: readonly string[];
}

/** Never fails for a payload's sake: what the sender would be told is the outcome. */
export async function traceHook(
  hook: Hook,
  request: HookRequest,
  judge: (path: string, roots: readonly string[]) => Promise<RootVerdict>,
): Promise<HookTrace> {
  const payload = attempt(() => readPayload(hook, request));
  const outcome = attempt(() => runHook(hook, request));
  const jobs = !outcome.ok || outcome.value.kind !== "jobs" ? [] : outcome.value.jobs;
  return {
    hook: hook.name,
    preset: hook.preset.name,
    when: payload.ok ? whenOf(hook, payload.value) : [],
    extracted: payload.ok ? extractedFrom(hook, payload.value) : [],
    outcome: outcome.ok ? outcome.value : { kind: "refused", error: outcome.error },
    roots: await Promise.all(jobs.map(({ path }) => judge(path, hook.roots))),
    counts: jobs.map(({ countedBy }) => describeCount(hook, countedBy)),
  };
}

type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: AppError };

function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    return { ok: false, error: toAppError(error) };
  }
}

function whenOf({ when }: Hook, payload: Payload): WhenTrace[] {
  return when.map((condition) => ({
    at: condition.at,
    test: condition.test,
    values: select(condition.path, payload.value),
    holds: conditionHolds(condition, payload),
  }));
}

function extractedFrom(hook: Hook, payload: Payload): readonly string[] {
  const found = attempt(() => findFiles(hook, payload));
  return found.ok ? [...new Set(found.value.files.flatMap(({ paths }) => paths))] : [];
}

/** Lines for a terminal. */
export function describeTrace({ hook, preset, when, extracted, outcome, roots, counts }: HookTrace): string[] {
  const lines = [`hook ${hook} (preset ${preset})`];
  for (const { at, test, values, holds } of when) {
    lines.push(
      `when ${at} ${test}: ${holds ? "holds" : "does not hold"} (${values.map(safeJson).join(", ") || "nothing there"})`,
    );
  }
  lines.push(...new Set(extracted.map((path) => `extracted path: ${safeText(path)}`)));
  if (outcome.kind === "test") return [...lines, "a test event: 200, nothing is queued"];
  if (outcome.kind === "skipped") return [...lines, `skipped: ${safeText(outcome.reason)}`];
  if (outcome.kind === "refused")
    return [...lines, `refused (${outcome.error.code}): ${safeText(outcome.error.message)}`];
  lines.push(...outcome.jobs.flatMap((job, index) => describeJob(job, roots[index], counts[index])));
  return [...lines, ...outcome.notes.map((note) => `note: ${note}`)];
}

function describeJob(
  { path, to, name, settleMs }: HookJob,
  root: RootVerdict | undefined,
  count: string | undefined,
): string[] {
  const verdict = root === undefined ? "not judged" : `${root.ok ? "inside" : "refused"}, ${safeText(root.why)}`;
  const folders = to.map(({ account, folder }) =>
    safeText(folder === null ? account.name : `${account.name}:${folder}`),
  );
  return [
    `after rewrite: ${safeText(path)}`,
    `root: ${verdict}`,
    ...(root?.ok === false
      ? [`no job; one would go to ${folders.join(" and ")}`]
      : folders.map((folder) => `job: to ${folder}`)),
    `     name ${name === null ? "of the file" : safeText(name)}, settle ${settleMs / 1000} s, ${count}`,
  ];
}
