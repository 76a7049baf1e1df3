import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import * as v from "valibot";
import { assertPart } from "../../core/planning/names.ts";
import { addJob } from "../../core/serving/add-job.ts";
import type { JobRequest } from "../../core/serving/jobs.ts";
import { AppError } from "../../errors.ts";
import { answerSubmitted } from "../answer.ts";
import type { ServerDeps } from "../deps.ts";
import { submitterOf } from "../grant.ts";
import { parseQuery } from "../input.ts";
import { idempotencyKey, requestKey } from "../request-key.ts";
import type { Call, Route } from "../route.ts";
import { roomFor, spoolBody } from "../spool-body.ts";
import { SUBMIT_ANSWERS, SUBMIT_HEADERS } from "./jobs.ts";

const { to, labels, notBefore, callback, resumable } = addJob.entries;

/** The query of `PUT /v1/files/{name}`: what a JSON body says elsewhere. */
const putQuery = v.strictObject({
  to,
  labels,
  notBefore,
  callback,
  resumable,
  name: v.optional(v.pipe(v.string(), v.maxLength(1024))),
});

/** Bytes; the hosts cut longer names. */
const LONGEST_NAME = 255;

/** `PUT /v1/files/{name}`: the body is the file. */
export function fileRoutes({ jobs, settings, spoolDirectory, log }: ServerDeps): readonly Route[] {
  return [
    {
      method: "PUT",
      path: "/v1/files/{name}",
      rest: true,
      summary: "Queue an upload of the request's body",
      access: "submit",
      crowd: "files",
      body: { kind: "file" },
      query: putQuery,
      headers: SUBMIT_HEADERS,
      answers: SUBMIT_ANSWERS,
      async handle(call) {
        const spool = { directory: spoolDirectory, most: settings().maxSpool };
        const limit = await roomFor(call.request, spool);
        // Half of a file is no file: what would come is not the whole of what the sender has.
        if (call.request.headers.has("content-range")) {
          throw new AppError("usage", "a file is taken whole: Content-Range is not understood");
        }
        const input = parseQuery(putQuery, call.query, ["to"]);
        const name = nameOf(call, input.name);
        const request: JobRequest = jobs.readRequest({
          ...input,
          name: null,
          path: "-",
          recursive: false,
          after: "keep",
        });
        // Judged before the body, which may be large.
        idempotencyKey(call.request);
        call.lift();
        const leave = call.hold();
        const { path, size } = await spoolBody(call.request, limit, spool).finally(leave);
        const key = requestKey(call, { ...input, name, content: await digestFor(call, path) });
        const submitted = await jobs.addSpooled({ name, path, size }, request, submitterOf(call.grant), key);
        for (const { id } of submitted.created ? submitted.jobs : []) {
          log.info("job.queued", `queued for ${call.grant.name}, ${size} bytes received`, {
            job: id,
            requestId: call.id,
          });
        }
        return answerSubmitted(call, jobs, submitted);
      },
    },
  ];
}

/** From the query, else from the path, where `curl -T` always puts one. Fails with `usage` or `source`. */
function nameOf({ params }: Call, inQuery: string | undefined): string {
  const inPath = decoded(params.name ?? "");
  const name = inQuery || inPath;
  if (name === "") throw new AppError("usage", "the file has no name: put it behind /v1/files/");
  assertPart(name, "source", "the name");
  if (Buffer.byteLength(name) > LONGEST_NAME) {
    throw new AppError("source", `the name is longer than ${LONGEST_NAME} bytes`);
  }
  return name;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AppError("usage", "the name in the path is not UTF-8");
  }
}

/** Of the body's bytes; only a repeated key ever compares it. */
async function digestFor({ request }: Call, path: string): Promise<string | null> {
  if (idempotencyKey(request) === null) return null;
  try {
    const hash = createHash("sha256");
    for await (const chunk of Bun.file(path).stream()) hash.update(chunk);
    return hash.digest("hex");
  } catch (error) {
    await rm(path, { force: true });
    throw new AppError("state", "the body cannot be read back", { cause: error });
  }
}
