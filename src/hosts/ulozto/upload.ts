import * as v from "valibot";
import { AppError, toAppError } from "../../errors.ts";
import { jsonOf } from "../../http/parse.ts";
import { type Answer, request } from "../../http/request.ts";
import { type Body, multipartBody } from "../../io/body.ts";
import type { Source } from "../../io/source.ts";
import type { HostEnv } from "../host.ts";
import { isSuccess, limitsFor } from "./api.ts";
import { bodyUrl, type UploadLink } from "./link.ts";
import { refusal, refusalCode } from "./refusal.ts";
import { bodyAnswer } from "./schema.ts";

/** A file that the host holds, unseen until its batch is committed. */
export interface StoredFile {
  readonly slug: string;
  /** Bytes sent. */
  readonly size: number;
  /** Lower-case hex; null where it was not computed. */
  readonly md5: string | null;
  /** What the host has confirmed of it so far. */
  readonly verified: "md5" | "size" | null;
}

/** How one body ended, and what that means for its batch. */
export type Sent =
  | { readonly kind: "stored"; readonly file: StoredFile }
  /** The upload server does not take this link; a renewed one may do. */
  | { readonly kind: "link"; readonly error: AppError }
  /** The batch cannot hold the file: it was refused, or broken off before its last byte. */
  | { readonly kind: "absent"; readonly error: AppError }
  /** The batch may hold the file, or something else in its place: it must never be committed. */
  | { readonly kind: "doubtful"; readonly error: AppError };

export interface BodySpec {
  readonly link: UploadLink;
  /** `batch_file_id`. */
  readonly number: number;
  readonly source: Source & { readonly size: number };
  readonly name: string;
  readonly signal: AbortSignal;
  /** Runs before the last chunk is handed over. */
  readonly beforeLast: () => Promise<void>;
}

/** An upload server answers so where a link has expired, or was never its own [A]. */
const LINK_REFUSED = [401, 403, 404, 410];

/** One file in one POST [D]. The upload server is another origin: it gets no header of the API [O]. */
export async function sendBody(spec: BodySpec, env: HostEnv): Promise<Sent> {
  const { source, signal } = spec;
  const body = multipartBody(source, { field: "file", fileName: spec.name }, { beforeLast: spec.beforeLast });
  let answer: Answer;
  try {
    answer = await request(env.fetch, {
      method: "POST",
      url: bodyUrl(spec.link, spec.number),
      body,
      bulk: true,
      signal,
      limits: limitsFor(env, env.answerTimeoutMs(source.size)),
    });
  } catch (error) {
    return { kind: body.complete ? "doubtful" : "absent", error: toAppError(error) };
  }
  return judge(answer, body, source);
}

function judge(answer: Answer, body: Body, source: BodySpec["source"]): Sent {
  const { status } = answer;
  if (LINK_REFUSED.includes(status)) return { kind: "link", error: refusal("the upload link's address", answer) };
  const parsed = v.safeParse(bodyAnswer, jsonOf(answer));
  const said = parsed.success && status !== 429 ? parsed.output : null;
  const stands = said !== null && said.return_code < 400;
  if (said !== null && (isSuccess(answer) || !stands)) return judgeAnswer(said, source);
  if (!isSuccess(answer)) {
    // A status that speaks against a body which says that all is well leaves open what the host holds.
    const refused = status >= 400 && status < 500 && !stands;
    return { kind: refused || !body.complete ? "absent" : "doubtful", error: refusal("the file", answer) };
  }
  return {
    kind: body.complete ? "doubtful" : "absent",
    error: new AppError("host_protocol", `the answer to the file is not understood (HTTP ${status})`),
  };
}

/** Success needs, besides the status, all of: a code of 200–299, the message "Done", our size and our MD5 [D]. */
function judgeAnswer(answer: v.InferOutput<typeof bodyAnswer>, source: BodySpec["source"]): Sent {
  const { return_code: code, message, size, slug } = answer;
  const md5 = answer.md5?.toLowerCase() ?? null;
  if (code >= 400 && code <= 499) {
    const error = new AppError(refusalCode(message, code), `Ulož.to refused the file (return code ${code})`, {
      hostMessage: message ?? undefined,
    });
    return { kind: "absent", error };
  }
  if (code < 200 || code > 299) return wrong(`the host could not store the file (return code ${code})`, message);
  if (message !== "Done") return wrong("the host does not say that the file is done", message);
  if (size !== source.size) return wrong(`the host holds ${size ?? "an unknown number of"} bytes of ${source.size}`);
  if (md5 === null || md5 !== source.md5()) return wrong("the MD5 of what the host holds is not that of the file");
  if (slug === null) return wrong("the host gave the file no name of its own");
  return { kind: "stored", file: { slug, size, md5, verified: "md5" } };
}

function wrong(what: string, hostMessage: string | null = null): Sent {
  return { kind: "doubtful", error: new AppError("integrity", what, { hostMessage: hostMessage ?? undefined }) };
}
