import { createHash } from "node:crypto";
import { basename, resolve } from "node:path";
import { exitCode } from "../../core/exit-code.ts";
import { compileName } from "../../core/planning/names.ts";
import type { JobView } from "../../core/serving/job-view.ts";
import { FORMS, parseDuration, parseMoment } from "../../core/units.ts";
import { AppError, toAppError } from "../../errors.ts";
import type { Values } from "../argv/options.ts";
import { read, readDuration, readLabels } from "../argv/read-values.ts";
import { defaultFormat, formatAskedFor, RESULT_OPTIONS } from "../argv/result-options.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { compileFormat } from "../output/formats.ts";
import { SERVER_OPTIONS } from "../server/find-server.ts";
import type { Queued } from "../server/follow-jobs.ts";
import { type Refused, refusedUploads } from "../server/refused-sources.ts";
import { fileBody, streamBody } from "../server/send-body.ts";
import { asJobs, countOf } from "../server/server-answers.ts";
import { openServer, type ServerClient } from "../server/server-client.ts";
import { inTypedWords } from "../server/typed-request.ts";
import { assertFollowable, waitForJobs } from "../server/wait-for-jobs.ts";

const OPTIONS = {
  to: { type: "list", hint: "ACCOUNT[:FOLDER]", summary: "destination (default: that of the server or of the hook)" },
  name: { type: "value", hint: "NAME|TEMPLATE", summary: "name on the host, as with hoist up" },
  label: { type: "list", hint: "KEY=VALUE", summary: "kept in results and history" },
  recursive: { type: "flag", short: "r", summary: "a directory: one job for each file in it" },
  hook: { type: "value", hint: "NAME", summary: "queue as this hook would: its rewrite, destinations, settle, dedupe" },
  send: { type: "flag", summary: "send the bytes of these files, which the server need not be able to read" },
  idempotencyKey: { type: "value", hint: "KEY", summary: "the same key and files give the same jobs, for 30 days" },
  notBefore: { type: "value", hint: "DUR|DATE", summary: "start in 2h, or at 2026-12-01T02:00" },
  wait: {
    type: "value",
    hint: "[DUR]",
    lone: /^\d+(?:\.\d+)?(?:ms|s|m|h|d)?$/,
    summary:
      "wait for the end (at most DUR: 30m, 90; a file of such a name is ./90); results and exit code are those of hoist up",
  },
  ...RESULT_OPTIONS,
  ...SERVER_OPTIONS,
} as const;

export const jobsAdd = defineCommand({
  name: "jobs add",
  summary: "queue uploads on a server",
  details: [
    "Prints the id of each job. Paths are the server's, unless --send gives it the bytes; - is standard input.",
    "Once a job is queued, its upload is the server's: it goes on whatever becomes of this command.",
    "--wait also needs the scope read of the token.",
  ],
  examples: [
    ["hoist jobs add /srv/out/movie.mkv --to ulozto:/Movies", "queue a file, print the job's id"],
    ["hoist jobs add build.zip --to uploadgig --wait --format markdown", "wait for the link"],
    ["hoist jobs add build.zip --send --to uploadgig --server https://hoist.example", "send a file to another machine"],
    ["hoist jobs add /downloads/a.mkv --hook sonarr", "as if Sonarr had sent it"],
  ],
  operands: { usage: "<path|->…", min: 1, max: Number.POSITIVE_INFINITY },
  options: OPTIONS,
  async run(context, values) {
    const startedAt = performance.now();
    const { io, operands, out } = context;
    const asked = formatAskedFor(values);
    const request = readRequest(operands, values);
    const format = compileFormat(asked ?? defaultFormat(io.stdout));
    const client = await openServer(context, values.server);
    const waits = values.wait !== undefined;
    if (waits) await assertFollowable(client);
    const added: (JobView | Refused)[] = [];
    let files = 0;
    for (const path of operands) {
      try {
        const { jobs, count } = await addPath(path, request, files + 1, client, context);
        files += count;
        if (!waits) for (const job of jobs) tell(job, format.json, context);
        added.push(...jobs);
      } catch (thrown) {
        const error = await inTypedWords(toAppError(thrown), { ...values, path });
        // What is wrong with one file leaves the others; anything else would be wrong with them too.
        if (error.code !== "source") {
          if (waits) tellQueued(added, context);
          throw error;
        }
        if (!waits) out.error(error, path);
        added.push({ path, index: files, error });
        files += 1;
      }
    }
    const refused = added.filter(isRefused);
    if (values.wait !== undefined) {
      const uploads = await refusedUploads(refused, { ...values, labels: request.labels }, client, context);
      const queued = added.map((each): Queued => (isRefused(each) ? (uploads[refused.indexOf(each)] ?? []) : each));
      const limit = values.wait === "" ? null : values.wait;
      return waitForJobs(client, queued, { ...values, startedAt, format, limit, context });
    }
    return exitCode(
      refused.map(({ error }) => error.code),
      refused.length < added.length,
    );
  },
});

function isRefused(each: JobView | Refused): each is Refused {
  return "error" in each;
}

/** They go on, although nobody waits for them any more. */
function tellQueued(added: readonly (JobView | Refused)[], { out }: CommandContext): void {
  const ids = added.flatMap((each) => (isRefused(each) ? [] : [each.id]));
  if (ids.length > 0) out.warning(`queued before that, and left to the server: ${ids.join(" ")}`);
}

type AddValues = Values<typeof OPTIONS>;

interface Request {
  readonly values: AddValues;
  readonly labels: Readonly<Record<string, string>>;
  readonly notBefore: string | null;
  readonly several: boolean;
}

/** Everything that can be wrong in the options alone. */
function readRequest(paths: readonly string[], values: AddValues): Request {
  const { send, hook, recursive, name, wait: waited } = values;
  const format = formatAskedFor(values);
  const excluded = [
    [send && hook !== undefined, "--send and --hook"],
    [send && recursive, "--send and --recursive"],
    [hook !== undefined && values.to.length > 0, "--hook and --to"],
    [hook !== undefined && name !== undefined, "--hook and --name"],
  ] as const;
  for (const [both, what] of excluded) if (both) throw new AppError("usage", `${what} exclude each other`);
  const stdin = paths.includes("-");
  if (stdin && !send) throw new AppError("usage", "- is sent to the server: it needs --send");
  if (stdin && name === undefined) throw new AppError("usage", "- needs a --name");
  if (name !== undefined && paths.length > 1 && !compileName(name).varies) {
    throw new AppError("usage", "several files cannot have one name", { hint: "vary it with {name} or {n}" });
  }
  if (waited === undefined && ((format !== undefined && format !== "json") || values.groupBy !== undefined)) {
    throw new AppError("usage", "there are no results to format without --wait", { hint: "add --wait, or use --json" });
  }
  if (waited !== undefined && waited !== "") readDuration("--wait", waited);
  return {
    values,
    labels: readLabels(values.label),
    notBefore: readNotBefore(values.notBefore),
    several: paths.length > 1,
  };
}

/** A duration counts from now on. */
function readNotBefore(text: string | undefined): string | null {
  const at = read("--not-before", text, `${FORMS.duration}, or ${FORMS.date}`, (typed) => {
    const wait = parseDuration(typed);
    return wait === null ? parseMoment(typed, Date.now()) : Date.now() + wait;
  });
  return at === undefined ? null : new Date(at).toISOString();
}

interface Added {
  /** Of very many only the first. */
  readonly jobs: readonly JobView[];
  readonly count: number;
}

/** `number`: of the first file of this path among all. */
async function addPath(
  path: string,
  request: Request,
  number: number,
  client: ServerClient,
  context: CommandContext,
): Promise<Added> {
  const { values, labels, notBefore } = request;
  const headers = idempotencyOf(path, request);
  if (values.send) return { jobs: await sendFile(path, request, client, context, headers), count: 1 };
  const body = {
    path: path.endsWith("/") ? `${resolve(path)}/` : resolve(path),
    ...(values.hook === undefined ? {} : { hook: values.hook }),
    ...(values.to.length === 0 ? {} : { to: values.to }),
    ...(values.name === undefined ? {} : { name: values.name }),
    ...(number > 1 && values.name !== undefined && compileName(values.name).numbered ? { firstNumber: number } : {}),
    ...(values.recursive ? { recursive: true } : {}),
    ...(notBefore === null ? {} : { notBefore }),
    labels,
  };
  const answer = await client.json({ method: "POST", path: "/v1/jobs", headers, json: body });
  return { jobs: asJobs(answer), count: countOf(answer) };
}

/** Of several files each has a key of its own, whatever their order. */
function idempotencyOf(path: string, { values, several }: Request): Readonly<Record<string, string>> {
  const { idempotencyKey: key } = values;
  if (key === undefined) return {};
  const own = createHash("sha256").update(resolve(path)).digest("hex").slice(0, 16);
  return { "Idempotency-Key": several ? `${key}-${own}` : key };
}

async function sendFile(
  path: string,
  { values, labels, notBefore }: Request,
  client: ServerClient,
  { io, operands }: CommandContext,
  headers: Readonly<Record<string, string>>,
): Promise<readonly JobView[]> {
  const base = path === "-" ? "" : basename(path);
  const template = values.name === undefined ? null : compileName(values.name);
  const name = template?.render({ base, number: operands.indexOf(path) + 1, now: new Date() }) ?? base;
  const query = new URLSearchParams(values.to.map((to) => ["to", to]));
  for (const [key, value] of Object.entries(labels)) query.append(`label.${key}`, value);
  if (notBefore !== null) query.append("notBefore", notBefore);
  const body = path === "-" ? streamBody(io.stdin) : await fileBody(path);
  const call = { method: "PUT", path: `/v1/files/${encodeURIComponent(name)}`, query, headers, body } as const;
  return asJobs(await client.json(call));
}

function tell(job: JobView, asJson: boolean, { out }: CommandContext): void {
  if (asJson) out.json(job);
  else out.print(job.id);
}
