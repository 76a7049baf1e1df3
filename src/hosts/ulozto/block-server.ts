import * as v from "valibot";
import { AppError } from "../../errors.ts";
import { assertUploadUrl } from "../../http/address.ts";
import { jsonOf, parseAnswer } from "../../http/parse.ts";
import { type Answer, request } from "../../http/request.ts";
import { type Body, jsonBody, rangeBody } from "../../io/body.ts";
import type { Source } from "../../io/source.ts";
import type { AccountEndpoint, HostEnv } from "../host.ts";
import { isSuccess, limitsFor } from "./api.ts";
import type { BlockUpload } from "./block-checkpoint.ts";
import { countOf, rangeOf } from "./block-plan.ts";
import { refusal, refusalCode } from "./refusal.ts";
import { blockAnswer, blockNumbers, blockStatusAnswer } from "./schema.ts";

/** What the host says of an upload in blocks. */
export type BlockStatus =
  | { readonly kind: "finished"; readonly slug: string }
  /** Null: it does not say what is missing. */
  | { readonly kind: "open"; readonly missing: readonly number[] | null }
  /** It could not put the blocks together. */
  | { readonly kind: "failed"; readonly error: AppError }
  /** It does not know the upload, or no longer. */
  | { readonly kind: "gone"; readonly error: AppError };

/** The upload server for blocks: another origin, which gets no header of the API [O]. */
export interface BlockServer {
  /** Any status: what it says of an unknown call decides whether there are blocks at all. */
  register(upload: BlockUpload, about: { signature: string; name: string }, signal: AbortSignal): Promise<Answer>;
  /** Resolves when the host has the block; repeating it is harmless [O]. */
  store(upload: BlockUpload, number: number, source: Source, signal: AbortSignal): Promise<void>;
  status(upload: BlockUpload, signal: AbortSignal): Promise<BlockStatus>;
}

/** Also where the host has taken its blocks out of service meanwhile. */
const GONE = [401, 403, 404, 405, 410];

export function createBlockServer(env: HostEnv): BlockServer {
  const exchange = (method: "GET" | "POST", url: string, signal: AbortSignal, body?: Body): Promise<Answer> =>
    request(env.fetch, {
      method,
      url,
      ...(body === undefined ? {} : { body }),
      signal,
      limits: limitsFor(env, env.answerTimeoutMs(body?.length ?? 0)),
      // A handshake for each block would be dear, and a block may be repeated.
      pooled: true,
    });

  return {
    register: (upload, { signature, name }, signal) => {
      const { plan, number } = upload;
      const body = jsonBody({
        batch_file_id: number,
        upload_signature: signature,
        name,
        filesize: plan.size,
        chunksize: plan.blockSize,
        crc32: null,
      });
      return exchange("POST", collectionOf(upload), signal, body);
    },
    async store(upload, number, source, signal) {
      const body = rangeBody(source, rangeOf(upload.plan, number));
      const answer = await exchange("POST", `${addressOf(upload)}/${number}`, signal, body);
      const error = blockRefusal(number, answer);
      if (error !== null) throw error;
    },
    async status(upload, signal) {
      const answer = await exchange("GET", `${addressOf(upload)}/status`, signal);
      if (GONE.includes(answer.status)) return { kind: "gone", error: refusal("the state of the upload", answer) };
      if (!isSuccess(answer)) throw refusal("the state of the upload", answer);
      return readStatus(upload, answer);
    },
  };
}

/**
 * The address below which the blocks of a file go, without a trailing slash: an empty path segment is refused [O].
 * Fails with `host_protocol` where no body may be sent there.
 */
export function blockBase(url: string, endpoint: AccountEndpoint): string {
  const { origin, pathname, search, hash } = new URL(assertUploadUrl(url, endpoint, { https: true }));
  if (search !== "" || hash !== "") throw new AppError("host_protocol", "the address for blocks is no plain one");
  return `${origin}${pathname}`.replace(/\/+$/, "");
}

function collectionOf({ base }: BlockUpload): string {
  return `${base}/v1/chunked-file-upload`;
}

function addressOf(upload: BlockUpload): string {
  return `${collectionOf(upload)}/${encodeURIComponent(upload.batch)}/${upload.number}`;
}

/** 200 and 201 mean stored [O], unless the body says otherwise or is the page of something in between. */
function blockRefusal(number: number, answer: Answer): AppError | null {
  const what = `block ${number}`;
  const { status, text } = answer;
  if (!isSuccess(answer)) {
    const error = refusal(what, answer);
    // That block again, whatever was wrong with it; only used-up space is final.
    return error.code === "host_rejected"
      ? error.with({ code: "host_unavailable", message: `Ulož.to did not take ${what} (HTTP ${status})` })
      : error;
  }
  if (text.trimStart().startsWith("<")) {
    return new AppError("host_protocol", `the answer to ${what} is not understood (HTTP ${status})`);
  }
  const said = v.safeParse(blockAnswer, jsonOf(answer));
  const code = said.success ? said.output.return_code : null;
  if (code === null || (code >= 200 && code <= 299)) return null;
  return new AppError("host_unavailable", `Ulož.to did not take ${what} (return code ${code})`, {
    hostMessage: said.success ? (said.output.message ?? undefined) : undefined,
  });
}

function readStatus(upload: BlockUpload, answer: Answer): BlockStatus {
  const {
    status,
    return_code: code,
    message,
    irpc,
    missing_chunks,
  } = parseAnswer("the state of the upload", blockStatusAnswer, answer);
  if (status === "error") {
    const final = code !== null && code >= 400 && code <= 499;
    const error = new AppError(
      final ? refusalCode(message, code) : "integrity",
      `the host could not put the blocks together${code === null ? "" : ` (return code ${code})`}`,
      { hostMessage: message ?? undefined },
    );
    return { kind: "failed", error };
  }
  if (status === "finished") {
    if (irpc?.slug != null) return { kind: "finished", slug: irpc.slug };
    throw new AppError("host_protocol", "the host says that the upload is finished, but not under what name");
  }
  return { kind: "open", missing: readMissing(upload, missing_chunks ?? null) };
}

/** Fails with `host_protocol` on numbers that no block has: sending by them could only do harm. */
function readMissing({ plan }: BlockUpload, said: unknown): readonly number[] | null {
  if (said === null) return null;
  const parsed = v.safeParse(blockNumbers, said);
  const count = countOf(plan);
  if (parsed.success && parsed.output.every((number) => number >= 1 && number <= count)) {
    return [...new Set(parsed.output)];
  }
  throw new AppError("host_protocol", "what the host says of missing blocks is not understood");
}
