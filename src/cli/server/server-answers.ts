import * as v from "valibot";
import { JOB_STATES } from "../../core/serve-store.ts";
import type { JobView } from "../../core/serving/job-view.ts";
import { AppError, ERROR_CLASSES, type ErrorCode } from "../../errors.ts";

const CHECK_SERVER = "check --server or HOIST_SERVER";

/** Fails with `host_protocol`. */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError("host_protocol", `${where} answers, but not as hoist serve does`, { hint: CHECK_SERVER });
  }
}

const problemShape = v.object({
  code: v.picklist(Object.keys(ERROR_CLASSES) as ErrorCode[]),
  detail: v.string(),
  requestId: v.optional(v.string()),
  errors: v.optional(v.array(v.object({ path: v.string(), message: v.string() }))),
});

const HINTS: Partial<Record<ErrorCode, string>> = {
  unauthorized:
    "set HOIST_TOKEN or HOIST_TOKEN_FILE to a token of the server: of [[serve.tokens]], HOIST_SERVE_TOKEN, or the " +
    "file serve-token in its state directory",
  misdirected: "add the host to [serve] hosts of the server",
};

/** The server's failure as if it had happened here. */
export function problemOf(status: number, text: string, where: string): AppError {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const parsed = v.safeParse(problemShape, json);
  // A proxy in between, or the probe itself.
  if (!parsed.success && status === 503) return new AppError("draining", `${where} is not ready`);
  if (!parsed.success) {
    return new AppError("host_protocol", `${where} answers HTTP ${status}, but not as hoist serve does`, {
      hint: CHECK_SERVER,
    });
  }
  const { code, detail, requestId, errors } = parsed.output;
  return new AppError(code, detail, {
    hint: HINTS[code] ?? hintFor(code, detail, requestId),
    cause: errors === undefined ? undefined : { inputErrors: errors },
  });
}

function hintFor(code: ErrorCode, detail: string, requestId: string | undefined): string | undefined {
  if (code === "internal") return `look for ${requestId} in the server's log`;
  const [, scope] = /\bscope (\w+)/.exec(detail) ?? [];
  if (code !== "forbidden" || scope === undefined) return undefined;
  return `take a token that has it: "${scope}" in scopes of [[serve.tokens]] in the server's configuration`;
}

const moment = v.pipe(
  v.string(),
  v.check((text) => !Number.isNaN(Date.parse(text))),
);
/** A server of an earlier version may not tell it. */
const maybeMoment = v.optional(v.nullable(moment));

const job = v.looseObject({
  v: v.literal(1),
  id: v.string(),
  state: v.picklist(JOB_STATES),
  source: v.looseObject({ path: v.string() }),
  createdAt: moment,
  startedAt: maybeMoment,
  finishedAt: maybeMoment,
  notBefore: maybeMoment,
  uploads: v.array(
    v.looseObject({
      id: v.string(),
      state: v.picklist(JOB_STATES),
      account: v.string(),
      name: v.string(),
      file: v.string(),
      waitingUntil: maybeMoment,
    }),
  ),
});

/** What the server says is a job, checked as far as anything relies on it. Fails with `host_protocol`. */
export function asJob(value: unknown): JobView {
  if (v.is(job, value)) return value as unknown as JobView;
  throw new AppError("host_protocol", "the server's answer is no job", { hint: CHECK_SERVER });
}

const accountList = v.object({
  accounts: v.array(
    v.looseObject({
      name: v.string(),
      host: v.string(),
      state: v.string(),
      reason: v.nullable(v.string()),
      coolDownUntil: v.nullable(moment),
    }),
  ),
});
export type ServerAccount = v.InferOutput<typeof accountList>["accounts"][number];

/** The server's accounts, likewise. Fails with `host_protocol`. */
export function asAccounts(value: unknown): readonly ServerAccount[] {
  const parsed = v.safeParse(accountList, value);
  if (parsed.success) return parsed.output.accounts;
  throw new AppError("host_protocol", "the server's answer is no list of accounts", { hint: CHECK_SERVER });
}

/** One job, or all that a directory or an event came to. */
export function asJobs(value: unknown): readonly JobView[] {
  const list = typeof value === "object" && value !== null && "jobs" in value ? value.jobs : null;
  return Array.isArray(list) ? list.map(asJob) : [asJob(value)];
}

/** How many jobs there are of them, of which very many are not all told. */
export function countOf(value: unknown): number {
  const told = typeof value === "object" && value !== null && "count" in value ? value.count : undefined;
  return typeof told === "number" ? told : asJobs(value).length;
}
