import * as v from "valibot";
import { AppError } from "../../errors.ts";
import { assertLink } from "../../http/address.ts";
import { jsonOf } from "../../http/parse.ts";
import type { Answer } from "../../http/request.ts";
import type { AccountEndpoint, UploadContext } from "../host.ts";
import { busy } from "./client.ts";
import { type UploadEntry, uploadAnswer } from "./schema.ts";
import { wordsOf } from "./words.ts";

/** What was sent when the answer came. */
export interface Sent {
  readonly name: string;
  /** Bytes given to the connection. */
  readonly bytes: number;
  /** The last byte was handed over: the host may hold the file. */
  readonly complete: boolean;
}

export interface StoredFile {
  readonly url: string;
  readonly id: string | null;
  readonly verified: "size" | null;
}

const DOMAINS = ["uploadgig.com"];
/** The action expired or was used [D/A]. */
const STALE_ACTION = /^invalid identity provided\.?$/i;
/** Fresh actions after that, in one upload. */
const STALE_RETRIES = 2;
/** Refusals of a moment, not of the file: timed out reading it, too early. */
const PASSING = new Set([408, 425]);

/**
 * Reads the answer to the bytes. What cannot be read is `outcome_unknown` once the whole file was handed over, because
 * UploadGig has no call to look; before that the host cannot hold it, and sending it again is safe.
 */
export function readUpload(
  answer: Answer,
  sent: Sent,
  endpoint: AccountEndpoint,
  ctx: Pick<UploadContext, "spend">,
): StoredFile {
  if (answer.status === 429) throw busy(answer);
  const parsed = v.safeParse(uploadAnswer, jsonOf(answer));
  if (parsed.success && parsed.output.ok === false) throw refusal(parsed.output.message, sent, ctx);
  if (parsed.success && answer.status >= 200 && answer.status < 300) return readEntry(parsed.output, sent, endpoint);
  // A status that speaks against a body which says that all is well leaves open what the host holds.
  const stands = sent.complete && parsed.success && parsed.output.ok === true;
  if (answer.status >= 400 && answer.status < 500 && !PASSING.has(answer.status) && !stands) {
    throw new AppError("host_rejected", `UploadGig refused ${sent.name} (HTTP ${answer.status})`, {
      hostMessage: wordsOf(answer),
    });
  }
  if (stands || (sent.complete && !PASSING.has(answer.status)))
    throw unknownOutcome(sent, `it answered HTTP ${answer.status}, which says nothing of the file`);
  if (answer.status >= 400) throw busy(answer);
  throw new AppError(
    "host_protocol",
    `the answer to the upload of ${sent.name} is not understood (HTTP ${answer.status})`,
  );
}

function readEntry(entry: UploadEntry, sent: Sent, endpoint: AccountEndpoint): StoredFile {
  const url = entry.url === null ? null : linkOf(entry.url, endpoint);
  if (entry.ok !== true || url === null) {
    if (sent.complete) throw unknownOutcome(sent, "its answer names no link");
    throw new AppError("host_protocol", `the answer to the upload of ${sent.name} came too early and names no link`);
  }
  if (!sent.complete || (entry.size !== null && entry.size !== sent.bytes)) {
    const holds = entry.size === null ? "less than that" : `${entry.size}`;
    throw new AppError("integrity", `${sent.name}: ${sent.bytes} bytes were sent, UploadGig holds ${holds}`, {
      hint: "the file is public at this link: delete it there, then upload it again",
      hostMessage: entry.message ?? undefined,
      url,
    });
  }
  return { url, id: entry.id, verified: entry.size === null ? null : "size" };
}

function linkOf(url: string, endpoint: AccountEndpoint): string | null {
  try {
    return assertLink(url, endpoint, DOMAINS);
  } catch {
    return null;
  }
}

function refusal(message: string | null, sent: Sent, ctx: Pick<UploadContext, "spend">): AppError {
  const hostMessage = message ?? undefined;
  if (message === null || !STALE_ACTION.test(message.trim())) {
    return new AppError("host_rejected", `UploadGig refused ${sent.name}`, { hostMessage });
  }
  return new AppError("host_unavailable", "UploadGig no longer knows the upload address it gave", {
    hostMessage,
    retry: { again: ctx.spend("stale action", STALE_RETRIES) },
  });
}

export function unknownOutcome(sent: Pick<Sent, "name">, why: string, cause?: unknown): AppError {
  return new AppError("outcome_unknown", `UploadGig may or may not hold ${sent.name}: ${why}`, {
    cause,
  });
}
