import * as v from "valibot";
import { AppError, ERROR_CLASSES, toAppError } from "../../errors.ts";
import type { Answer } from "../../http/request.ts";
import { rawBody } from "../../io/body.ts";
import type { Source } from "../../io/source.ts";
import type { AccountEndpoint, HostEnv, HostSession, Target, UploadContext, UploadResult } from "../host.ts";
import { readUpload, type Sent, unknownOutcome } from "./answer.ts";
import { type Client, createClient, type Login, type UploadAction } from "./client.ts";

/** An action lives 60 s [D]; connecting may take ten of them. */
const ACTION_FRESH_MS = 50_000;
/** Step 1 is a login: this many may fail in one upload, then the next failure ends it. */
const ACTION_RETRIES = 2;
/** Between those, in units of `retryBaseMs`. */
const ACTION_WAIT_IN_BASES = 10;
/** Actions that may grow old before the body starts, in one upload. */
const LATE_RETRIES = 2;

export async function openSession(login: Login, endpoint: AccountEndpoint, env: HostEnv): Promise<HostSession> {
  const client = createClient(login, endpoint, env);
  return {
    async upload(source, target, ctx) {
      const before = earlierResult(ctx);
      if (before !== null) return before;
      const action = await takeAction(client, source, target, ctx, env);
      const { answer, sent } = await sendBody(client, action, source, target, ctx);
      const stored = readUpload(answer, sent, endpoint, ctx);
      const { url, id: remoteId, verified } = stored;
      const result = { url, remoteId, size: source.bytesRead, md5: source.md5(), verified };
      await ctx.phase("stored", result);
      await assertSent(source, url, ctx);
      ctx.note("a fresh UploadGig link may answer 404 for some minutes; that is normal");
      return result;
    },
    async check(signal) {
      const action = await client.action(signal);
      return { login: login.user, freeBytes: action.allowed, details: {} };
    },
  };
}

/** What was sent of a changing file is nothing that a later try may take for the file. */
async function assertSent(source: Source, url: string, ctx: UploadContext): Promise<void> {
  try {
    await source.assertUnchanged(url);
  } catch (error) {
    if (toAppError(error).code === "source") await ctx.phase("preparing", null);
    throw error;
  }
}

/** A crash between the host's answer and our record of it: the file is up, and its link is in the checkpoint. */
function earlierResult({ resume }: UploadContext): UploadResult | null {
  if (resume?.phase !== "stored") return null;
  const parsed = v.safeParse(storedCheckpoint, resume.checkpoint);
  return parsed.success ? parsed.output : null;
}

const storedCheckpoint = v.object({
  url: v.string(),
  remoteId: v.nullable(v.string()),
  size: v.number(),
  md5: v.nullable(v.string()),
  verified: v.nullable(v.literal("size")),
});

/** The last thing before the bytes: an action serves one upload and only for a minute. */
async function takeAction(
  client: Client,
  source: Source,
  target: Target,
  ctx: UploadContext,
  env: HostEnv,
): Promise<UploadAction> {
  for (;;) {
    await ctx.phase("preparing", null);
    const action = await client.action(ctx.signal).catch((error) => {
      throw actionFailure(toAppError(error), ctx, env);
    });
    assertFits(action, source, target);
    await ctx.phase("sending");
    if (env.now() - action.at <= ACTION_FRESH_MS) return action;
    if (!ctx.spend("late action", LATE_RETRIES)) {
      throw new AppError("timeout", "UploadGig's upload addresses expire before this machine can use them");
    }
  }
}

function actionFailure(error: AppError, ctx: UploadContext, env: HostEnv): AppError {
  if (!ERROR_CLASSES[error.code].retry || error.retry.again === false) return error;
  const { afterMs = ACTION_WAIT_IN_BASES * env.retryBaseMs } = error.retry;
  return error.with({ retry: { again: ctx.spend("action", ACTION_RETRIES), afterMs } });
}

function assertFits({ allowed }: UploadAction, source: Source, target: Target): void {
  if (allowed === null || source.size === null || source.size <= allowed) return;
  throw new AppError(
    "host_quota",
    `the account has ${mebibytes(allowed, Math.floor)} left, ${target.name} needs ${mebibytes(source.size, Math.ceil)}`,
    { hint: "free some space at UploadGig, or upload to another account" },
  );
}

/** Rounded against the file, so that the two never look equal when they are not. */
function mebibytes(bytes: number, round: (value: number) => number): string {
  return `${round((bytes / 1_048_576) * 100) / 100} MiB`;
}

async function sendBody(
  client: Client,
  action: UploadAction,
  source: Source,
  target: Target,
  ctx: UploadContext,
): Promise<{ readonly answer: Answer; readonly sent: Sent }> {
  const body = rawBody(source, "application/octet-stream", { beforeLast: () => ctx.phase("finishing") });
  try {
    const answer = await client.send(action, { name: target.name, body, bytes: () => source.bytesRead }, ctx.signal);
    return { answer, sent: { name: target.name, bytes: source.bytesRead, complete: body.complete } };
  } catch (thrown) {
    const error = toAppError(thrown);
    if (body.complete) throw unknownOutcome(target, error.message, error);
    throw ERROR_CLASSES[error.code].retry ? error.with({ retry: { again: true } }) : error;
  }
}
