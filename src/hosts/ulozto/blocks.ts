import * as v from "valibot";
import { AppError } from "../../errors.ts";
import { assertUploadUrl } from "../../http/address.ts";
import { jsonOf } from "../../http/parse.ts";
import type { Answer } from "../../http/request.ts";
import type { AccountEndpoint, HostEnv, UploadContext } from "../host.ts";
import { isSuccess } from "./api.ts";
import { type BlockUpload, checkpointOfBlocks } from "./block-checkpoint.ts";
import { sendInLanes } from "./block-lanes.ts";
import { countOf, planBlocks, rangeOf } from "./block-plan.ts";
import { createBlockRecord } from "./block-record.ts";
import { type BlockServer, type BlockStatus, blockBase, createBlockServer } from "./block-server.ts";
import type { Links } from "./link.ts";
import { hostErrorOf, refusal } from "./refusal.ts";
import { blockLinkAnswer, registerAnswer } from "./schema.ts";
import type { BodySpec } from "./upload.ts";

/** A file that the host has put together from its blocks, in a batch of its own. */
export interface PutTogether {
  readonly kind: "stored";
  /** `private_slug`. */
  readonly batch: string;
  readonly number: number;
  readonly slug: string;
}

/** The host does not offer uploads in blocks; nothing was sent. */
export interface BlocksRefused {
  readonly kind: "refused";
  readonly error: AppError;
}

export interface Blocks {
  /** One attempt; `from` is what an earlier one has left. */
  send(
    source: BodySpec["source"],
    name: string,
    from: BlockUpload | null,
    ctx: UploadContext,
  ): Promise<PutTogether | BlocksRefused>;
}

/** Statuses that mean: there is no such call. */
const NO_SUCH_CALL = [404, 405, 410];
/** Of the file in its own batch. */
const NUMBER = 1;
/** How often the host is asked, in bases, while it puts the blocks together. */
const LONGEST_POLL_IN_BASES = 5;

export function createBlocks(links: Links, endpoint: AccountEndpoint, env: HostEnv): Blocks {
  const server = createBlockServer(env);

  /** Registers the file; nothing is visible, and nothing lost, if this is done in vain. */
  const begin = async (
    source: BodySpec["source"],
    name: string,
    ctx: UploadContext,
  ): Promise<BlockUpload | BlocksRefused> => {
    const answer = await links.requestBlocks(ctx);
    const given = understood(answer, blockLinkAnswer, "the upload link", ctx);
    if ("kind" in given) return given;
    const base = baseOf(given.upload_resumable_base_url, endpoint);
    if (typeof base !== "string") return base;
    const upload: BlockUpload = {
      plan: planBlocks(source.size),
      base,
      batch: given.private_slug,
      number: NUMBER,
      file: source.identity ?? null,
      stored: new Set(),
      most: 0,
    };
    const registered = await server.register(upload, { signature: given.upload_signature, name }, ctx.signal);
    const said = understood(registered, registerAnswer, "the registration", ctx);
    if ("kind" in said) return said;
    const { return_code: code, upload_url: url } = said;
    if (code !== null && (code < 200 || code > 299)) {
      throw refusal("the registration of the file", { ...registered, status: code });
    }
    // Blocks go below the base; an address that may not be used shows a server that is not to be trusted with them.
    if (url !== null) assertUploadUrl(url, endpoint, { https: true });
    return upload;
  };

  const send = async (
    upload: BlockUpload,
    numbers: readonly number[],
    source: BodySpec["source"],
    ctx: UploadContext,
  ) => {
    const stop = new AbortController();
    const record = createBlockRecord(upload, ctx, env, (error) => stop.abort(error));
    const { plan } = upload;
    try {
      await sendInLanes(
        {
          blocks: numbers,
          signal: AbortSignal.any([ctx.signal, stop.signal]),
          async send(number, signal) {
            await server.store(upload, number, source, signal);
            record.confirm(number);
            const { start, end } = rangeOf(plan, number);
            return end - start;
          },
        },
        env,
      );
    } finally {
      await record.settle();
    }
  };

  /** Sends what is missing until the host has put the file together. Null: the host does not know the upload. */
  const complete = async (upload: BlockUpload, fresh: boolean, source: BodySpec["source"], ctx: UploadContext) => {
    let status: BlockStatus = fresh ? { kind: "open", missing: null } : await server.status(upload, ctx.signal);
    if (status.kind === "open") recount(upload, status.missing, source);
    if (status.kind === "finished") recount(upload, [], source);
    let before = Number.POSITIVE_INFINITY;
    for (;;) {
      if (status.kind !== "open") return status;
      const missing = missingOf(upload, status.missing);
      if (missing.length >= before) throw lost(missing.length);
      if (missing.length === 0) status = await settled(server, upload, env, ctx.signal);
      else {
        before = missing.length;
        await ctx.phase("sending", checkpointOfBlocks(upload));
        await send(upload, missing, source, ctx);
        status = await settled(server, upload, env, ctx.signal);
      }
    }
  };

  const failed = async (status: Extract<BlockStatus, { kind: "failed" }>, ctx: UploadContext): Promise<never> => {
    await ctx.phase("preparing", null);
    const { error } = status;
    throw error.code === "integrity" ? error.with({ retry: { again: ctx.spend("integrity", 1) } }) : error;
  };

  return {
    async send(source, name, from, ctx) {
      for (let left = from; ; left = null) {
        const upload = left ?? (await begin(source, name, ctx));
        if ("kind" in upload) return upload;
        if (left === null) source.recount?.([]);
        else blockBase(upload.base, endpoint);
        const status = await complete(upload, left === null, source, ctx);
        if (status.kind === "failed") return failed(status, ctx);
        const { batch, number } = upload;
        if (status.kind === "finished") return { kind: "stored", batch, number, slug: status.slug };
        if (!ctx.spend("stale", 1)) throw status.error;
        ctx.note("Ulož.to no longer knows the blocks uploaded earlier: the file is sent again");
        await ctx.phase("preparing", null);
      }
    },
  };
}

/** The answer of a call that opens an upload in blocks, or why there are none. Fails where another attempt may help. */
function understood<const S extends v.GenericSchema>(
  answer: Answer,
  schema: S,
  what: string,
  ctx: UploadContext,
): v.InferOutput<S> | BlocksRefused {
  if (NO_SUCH_CALL.includes(answer.status)) return notOffered(hostErrorOf(answer).message);
  if (!isSuccess(answer)) throw refusal(what, answer);
  const json = jsonOf(answer);
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return parsed.output;
  // No JSON at all may be a cut answer or the page of something in between: once, that is not held against the host.
  if (json === undefined && ctx.spend("blocks", 1)) {
    throw new AppError("host_protocol", `the answer to ${what} is no JSON (HTTP ${answer.status})`);
  }
  return notOffered(null);
}

function baseOf(url: string, endpoint: AccountEndpoint): string | BlocksRefused {
  try {
    return blockBase(url, endpoint);
  } catch (error) {
    if (error instanceof AppError) return notOffered(error.message);
    throw error;
  }
}

function notOffered(hostMessage: string | null): BlocksRefused {
  const error = new AppError("host_rejected", "Ulož.to does not offer uploads in blocks", {
    hostMessage: hostMessage ?? undefined,
    hint: "leave --resumable always out: the file is then sent in one piece",
  });
  return { kind: "refused", error };
}

/** What the host has decides, whatever we remember. */
function missingOf({ plan, stored }: BlockUpload, said: readonly number[] | null): number[] {
  if (said !== null) {
    for (const number of said) stored.delete(number);
    return [...said].sort((a, b) => a - b);
  }
  return Array.from({ length: countOf(plan) }, (_, index) => index + 1).filter((number) => !stored.has(number));
}

/** An upload that goes on has moved these bytes before. */
function recount(upload: BlockUpload, missing: readonly number[] | null, source: BodySpec["source"]): void {
  const { plan, stored } = upload;
  if (missing !== null) {
    stored.clear();
    const open = new Set(missing);
    for (let number = 1; number <= countOf(plan); number += 1) if (!open.has(number)) stored.add(number);
  }
  source.recount?.([...stored].map((number) => rangeOf(plan, number)));
}

/** The host's word on an upload whose blocks have all been sent; waits while it puts them together. */
async function settled(
  server: BlockServer,
  upload: BlockUpload,
  env: HostEnv,
  signal: AbortSignal,
): Promise<BlockStatus> {
  const until = env.now() + env.answerTimeoutMs(upload.plan.size);
  for (let polls = 1; ; polls += 1) {
    const status = await server.status(upload, signal);
    if (status.kind !== "open" || (status.missing !== null && status.missing.length > 0)) return status;
    if (env.now() >= until) throw new AppError("timeout", "the host did not put the blocks together in time");
    await env.sleep(env.retryBaseMs * Math.min(LONGEST_POLL_IN_BASES, polls), signal);
  }
}

function lost(count: number): AppError {
  return new AppError(
    "host_protocol",
    `the host took ${count === 1 ? "one block" : `${count} blocks`} and says that it has none`,
  );
}
