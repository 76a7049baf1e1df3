import { AppError } from "../../errors.ts";
import { goesAtOnce } from "../../io/body.ts";
import type { Source } from "../../io/source.ts";
import type { AccountEndpoint, HostEnv, HostSession, Target, UploadContext, UploadResult } from "../host.ts";
import { createApi, createSend } from "./api.ts";
import type { Batch } from "./batch.ts";
import { createBatches } from "./batches.ts";
import type { BlockUpload } from "./block-checkpoint.ts";
import { createBlockUploads } from "./block-uploads.ts";
import { createBlocks } from "./blocks.ts";
import { ALONE, checkpointOf, type Placed, type Resumed, resumedFrom } from "./checkpoint.ts";
import { createLookUp } from "./existing.ts";
import { createFiles } from "./files.ts";
import { createFinisher } from "./finish.ts";
import { stopped } from "./flight.ts";
import { createFolders } from "./folders.ts";
import { createLinks } from "./link.ts";
import { createLogins } from "./login.ts";
import { FOLDER_NOT_FOUND, isHostError } from "./refusal.ts";
import { createRoom } from "./room.ts";
import { meAnswer, type UloztoCredentials } from "./schema.ts";
import { type BodySpec, type Sent, type StoredFile, sendBody } from "./upload.ts";
import { createVisibility } from "./visible.ts";

/** The key the host publishes for testing; it may change or stop at any time [D]. */
const TEST_API_KEY = ';HG%7jW6@6/8vx">R;f(';

export function openSession(credentials: UloztoCredentials, endpoint: AccountEndpoint, env: HostEnv): HostSession {
  const send = createSend(endpoint, headerSafe(credentials.apiKey ?? TEST_API_KEY), env);
  const api = createApi(send, createLogins(credentials, send, env));
  const folders = createFolders(api, env);
  const room = createRoom(api, folders);
  const finisher = createFinisher(api, endpoint);
  const links = createLinks(api, endpoint, env);
  const files = createFiles(api, folders, env, finisher.linkOf);
  const batches = createBatches({ links, finisher, isVisible: createVisibility(files, folders), env });
  const uploadInBlocks = createBlockUploads(createBlocks(links, endpoint, env), env);

  /** What a failure in `batch` means for this upload. */
  const explain = async (error: unknown, batch: Batch | null, ctx: UploadContext): Promise<unknown> => {
    if (ctx.signal.aborted) return error;
    const folderGone = isHostError(error, FOLDER_NOT_FOUND);
    if (folderGone) folders.forget();
    if (batch?.shared === true && batch.abandoned) {
      await ctx.phase("preparing", ALONE);
      return sentAgain("a file that was to be committed with it is in doubt: it is sent again alone");
    }
    if (error instanceof AppError && error.code === "cancelled") {
      return sentAgain("another upload that it waited with was stopped");
    }
    if (error instanceof AppError && error.code === "integrity") {
      await ctx.phase("preparing", ALONE);
      return error.with({ retry: { again: ctx.spend("integrity", 1) } });
    }
    if (error instanceof AppError && folderGone && ctx.spend("folder", 1)) {
      return error.with({ retry: { again: true, afterMs: 0 } });
    }
    return error;
  };

  /** Folder, name and commit of a file that the host holds. */
  const finish = async (batch: Batch, at: Placed, ctx: UploadContext): Promise<UploadResult> => {
    try {
      const { file, url } = await batch.finish(at.number, ctx);
      if (batch.shared) batches.drop(batch);
      await ctx.phase("committed");
      return resultOf(file, url);
    } catch (error) {
      throw await explain(error, batch, ctx);
    }
  };

  /** The folder's slug; a folder that has gone since it was looked up is looked up again once. */
  const folderOf = async (target: Target, ctx: UploadContext, stored = false): Promise<string> => {
    const path = target.folder ?? "/";
    try {
      return await (stored ? folders.ensure(path, ctx.signal, ctx.note) : room.folderFor(path, ctx));
    } catch (error) {
      throw await explain(error, null, ctx);
    }
  };

  /** Takes up what an earlier attempt has left; null when the file must be sent anew. */
  const goOn = async (
    { kind, at }: Extract<Resumed, { at: Placed }>,
    target: Target,
    ctx: UploadContext,
  ): Promise<UploadResult | null> => {
    if (kind === "committed") return resultOf(at.file, finisher.linkOf(at.file.slug, at.url));
    const held = at.shared ? batches.held(at.batch) : null;
    if (held !== null) return held.abandoned ? null : finish(held, at, ctx);
    // What else is in a batch that was shared in another process cannot be known, unless its commit was recorded.
    if (at.shared && kind !== "committing") return null;
    const folder = kind === "stored" ? await folderOf(target, ctx, true) : "";
    const member = { number: at.number, file: at.file, target, folder, ctx, url: at.url };
    const left = { batch: at.batch, member, phase: kind, files: at.files };
    try {
      return await finish(batches.takeUp(left, at.shared), at, ctx);
    } catch (error) {
      const gone = error instanceof AppError && error.code === "host_rejected" && error.retry.again !== true;
      if (kind !== "stored" || !gone || !ctx.spend("stale", 1)) throw error;
      ctx.note("Ulož.to no longer takes what was uploaded earlier: the file is sent again");
      return null;
    }
  };

  /** Sends the body over the batch's link, renewing that once if it has expired or is refused. */
  const sendThrough = async (
    batch: Batch,
    spec: Omit<BodySpec, "link" | "number" | "beforeLast">,
    ctx: UploadContext,
  ) => {
    const finishing = () => ctx.phase("finishing");
    const atOnce = goesAtOnce(spec.source);
    let link = await batch.link(ctx, null);
    let renewed = env.now() >= link.expiresAt;
    if (renewed) link = await batch.link(ctx, link);
    for (;;) {
      const sending = ctx.phase("sending", batch.shared ? null : ALONE);
      // Both records share one wait for the disk.
      await Promise.all([sending, atOnce ? finishing() : null]);
      const number = batch.nextNumber();
      const sent = await sendBody({ ...spec, link, number, beforeLast: atOnce ? noMore : finishing }, env);
      if (sent.kind !== "link" || renewed) return { link, number, sent };
      renewed = true;
      link = await batch.link(ctx, link);
    }
  };

  /** A body that is not stored: what becomes of its batch, and of the upload. */
  const giveUp = async (sent: Exclude<Sent, { kind: "stored" }>, batch: Batch, ctx: UploadContext): Promise<never> => {
    if (batch.abandoned || sent.kind !== "doubtful") {
      batch.leave(ctx);
      throw await explain(sent.error, batch, ctx);
    }
    batch.abandon();
    if (ctx.signal.aborted) throw sent.error;
    await ctx.phase("preparing", ALONE);
    throw sent.error.code === "integrity"
      ? sent.error.with({ retry: { again: ctx.spend("integrity", 1) } })
      : sent.error;
  };

  const sendAnew = async (source: BodySpec["source"], target: Target, alone: boolean, ctx: UploadContext) => {
    // Not waited for alone: what keeps it from being written keeps the next phase too.
    const preparing = ctx.phase("preparing", alone ? ALONE : null);
    const [folder] = await Promise.all([folderOf(target, ctx), preparing]);
    const batch = batches.enter({ name: target.name, size: source.size }, alone, ctx);
    const signal = AbortSignal.any([ctx.signal, batch.gone]);
    let outcome: Awaited<ReturnType<typeof sendThrough>>;
    try {
      outcome = await sendThrough(batch, { source, name: target.name, signal }, ctx);
    } catch (error) {
      batch.leave(ctx);
      throw await explain(error, batch, ctx);
    }
    const { link, number, sent } = outcome;
    if (sent.kind !== "stored") return giveUp(sent, batch, ctx);
    const at: Placed = { batch: link.batch, number, file: sent.file, shared: batch.shared, url: null };
    try {
      await source.assertUnchanged();
      const recorded = ctx.phase("stored", checkpointOf(at));
      // The next file's bytes need not wait for the record of this one's.
      ctx.release();
      await recorded;
    } catch (error) {
      batch.abandon();
      throw error;
    }
    if (batch.abandoned) throw await explain(stopped(), batch, ctx);
    batch.add({ number, file: sent.file, target, folder, ctx, url: null });
    if (batch.shared) batches.hold(batch);
    return finish(batch, at, ctx);
  };

  /** Null: the file goes in one piece. */
  const sendBlocks = async (
    source: BodySpec["source"],
    target: Target,
    from: BlockUpload | null,
    ctx: UploadContext,
  ) => {
    if (!uploadInBlocks.wanted(source.size, from !== null, ctx)) return null;
    await ctx.phase("preparing");
    const folder = await folderOf(target, ctx);
    const stored = await uploadInBlocks.send(source, target.name, from, ctx);
    if (stored === null) return null;
    const { batch, number, file } = stored;
    const at: Placed = { batch, number, file, shared: false, url: null };
    await ctx.phase("stored", checkpointOf(at));
    ctx.release();
    const member = { number, file, target, folder, ctx, url: null };
    return finish(batches.takeUp({ batch, member, phase: "stored" }, false), at, ctx);
  };

  return {
    async upload(source, target, ctx) {
      const sized = withSize(source);
      const resumed = resumedFrom(ctx, sized);
      const done = "at" in resumed ? await goOn(resumed, target, ctx) : null;
      if (done !== null) return done;
      const from = resumed.kind === "blocks" ? resumed.upload : null;
      return (
        (await sendBlocks(sized, target, from, ctx)) ??
        sendAnew(sized, target, resumed.kind !== "anew" || resumed.alone, ctx)
      );
    },
    async meetCaptcha(asker) {
      await links.request(asker, null);
    },
    folders: files,
    existing: createLookUp(api, folders, env, finisher.linkOf),
    async check(signal) {
      const call = { what: "the account", method: "GET", path: "/v5/me", signal } as const;
      const { user } = await api.call(call, meAnswer);
      const details: Record<string, string> = {
        "api key": credentials.apiKey === undefined ? "the published test key" : "configured",
      };
      if (user.credit !== undefined && user.credit !== null) details.credit = `${user.credit} (the host names no unit)`;
      return { login: user.login ?? (await api.account(signal)).user, freeBytes: null, details };
    },
  };
}

async function noMore(): Promise<void> {}

function resultOf({ slug, size, md5, verified }: StoredFile, url: string): UploadResult {
  return { url, remoteId: slug, size, md5, verified };
}

/** Nothing was wrong with the file itself, so the next attempt is for free. */
function sentAgain(why: string): AppError {
  return new AppError("network", why, { retry: { again: true, free: true, afterMs: 0 } });
}

function withSize(source: Source): BodySpec["source"] {
  if (source.size === null) throw new AppError("internal", `${source.label}: Ulož.to needs to know the size`);
  return source as BodySpec["source"];
}

function headerSafe(apiKey: string): string {
  if (/^[\x20-\x7e]+$/.test(apiKey)) return apiKey;
  throw new AppError("config", "the API key holds characters that cannot be sent", {
    hint: "look for a line end or another stray character in it",
  });
}
