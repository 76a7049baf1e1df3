import { AppError } from "../../errors.ts";
import type { HostEnv, Target, UploadContext } from "../host.ts";
import { checkpointOf } from "./checkpoint.ts";
import type { Finisher } from "./finish.ts";
import { createFlight, stopped, unlessAborted } from "./flight.ts";
import { createIntake } from "./intake.ts";
import type { Links, UploadLink } from "./link.ts";
import type { StoredFile } from "./upload.ts";
import type { Visibility } from "./visible.ts";

/** A stored file on its way to the commit of its batch. */
export interface Member {
  readonly number: number;
  readonly file: StoredFile;
  readonly target: Target;
  /** Slug of its folder; empty where that has been set. */
  readonly folder: string;
  readonly ctx: UploadContext;
  readonly url: string | null;
}

/** A batch in which an earlier attempt, perhaps of a dead process, has left a file. */
export interface LeftBehind {
  /** `private_slug`. */
  readonly batch: string;
  readonly member: Member;
  readonly phase: "stored" | "placed" | "committing";
  /** How many it holds; one where that was not recorded. */
  readonly files?: number | undefined;
}

/**
 * Files that become visible by one commit. Its life: bodies are sent while it is open; it is sealed once none is under
 * way and none will come; then names and folders are set, and the commit is asked for.
 *
 * What it guards: the commit is asked for only while every file in the batch is known, stored as it was sent and
 * recorded as `committing`. If one is not, the batch is abandoned for good: nobody sees its files, and those of the
 * other members are sent again alone. That includes a member that is stopped (a signal, a cancelled job) after its
 * last byte: its file would become visible although its upload was called off. Once the commit is being recorded it
 * can no longer be taken back; a member stopped from then on is told that its file may be visible, and its checkpoint
 * says so too.
 */
export interface Batch {
  readonly shared: boolean;
  /** `private_slug`; null before the first link. */
  readonly slug: string | null;
  readonly abandoned: boolean;
  /** Aborts when the batch is abandoned: bodies under way are of no use any more. */
  readonly gone: AbortSignal;
  /** Whether one more file of so many bytes may join. */
  admits(size: number): boolean;
  /** Takes a place; `leave`, `add` or `abandon` gives it back. */
  enter(size: number): void;
  /** Takes no more files. */
  close(): void;
  /** The file of one who has entered cannot be in the batch. */
  leave(ctx: UploadContext): void;
  nextNumber(): number;
  /** The link, or the one after `stale`; renewed once for all who find it expired. */
  link(ctx: UploadContext, stale: UploadLink | null): Promise<UploadLink>;
  /** The file of one who has entered is stored as it was sent. */
  add(member: Member): void;
  /** Waits for the commit and gives the file as it is then. After a failure the first member to come back tries again. */
  finish(number: number, ctx: UploadContext): Promise<{ readonly file: StoredFile; readonly url: string }>;
  /** Never commits it. Has no effect once the commit is being recorded. */
  abandon(): void;
}

export interface BatchDeps {
  readonly links: Links;
  readonly finisher: Finisher;
  readonly isVisible: Visibility;
  readonly env: HostEnv;
}

export function createBatch(shared: boolean, left: LeftBehind | null, deps: BatchDeps): Batch {
  const { links, finisher, isVisible, env } = deps;
  const members = new Map<number, Member>();
  const end = new AbortController();
  const intake = createIntake(shared, env, end.signal);
  let link: UploadLink | null = null;
  let asker: UploadContext | null = null;
  let lastNumber = 0;
  let placed = false;
  let recorded = false;
  let committing = false;
  let committed = false;
  /** What the commit's answer means for a file that is not visible. */
  let doubt: AppError | null = null;

  const slugOf = (): string => {
    const slug = left?.batch ?? link?.batch;
    if (slug === undefined) throw new AppError("internal", "a batch without a name cannot be finished");
    return slug;
  };
  const abandon = () => {
    if (committing) return;
    intake.close();
    end.abort(stopped());
  };

  const renewal = createFlight(async (signal) => {
    link = await links.request({ signal, person: async (page) => asker?.person(page) }, link?.batch ?? null);
    return link;
  });

  const setProperties = async (signal: AbortSignal) => {
    const batch = slugOf();
    const files = [...members.values()].map(({ number, file, target, folder }) => ({
      number,
      slug: file.slug,
      name: target.name,
      folder,
    }));
    try {
      const given = await finisher.place(batch, files, signal);
      for (const member of members.values()) {
        const { url = null, size = null } = given.get(member.file.slug) ?? {};
        members.set(member.number, { ...member, url, file: confirmed(member.file, size) });
      }
    } catch (error) {
      // What the host holds against one of them it must say of that one alone.
      if ((members.size > 1 && isRefusal(error)) || isDamage(error)) abandon();
      throw error;
    }
    await record(({ ctx, number, file, url }) =>
      ctx.phase("placed", checkpointOf({ batch, number, file, shared, url })),
    );
  };

  /** For all members at once, so that one fsync serves them; a member that cannot record it is no longer ours. */
  const record = async (write: (member: Member) => Promise<void>) => {
    const writes = await Promise.allSettled([...members.values()].map(write));
    const failed = writes.find((outcome) => outcome.status === "rejected");
    if (failed === undefined) return;
    committing = false;
    abandon();
    throw failed.reason;
  };

  const finishing = createFlight(async (whileWaitedFor) => {
    const signal = AbortSignal.any([whileWaitedFor, end.signal]);
    await unlessAborted(intake.sealed, signal);
    if (!placed) await setProperties(signal);
    placed = true;
    // A member that waits for its retry is not here to say that it was stopped.
    if (!recorded && [...members.values()].some(({ ctx }) => ctx.signal.aborted)) abandon();
    signal.throwIfAborted();
    committing = true;
    const batch = slugOf();
    const files = left?.files ?? members.size;
    if (!recorded) {
      await record(({ ctx, number, file, url }) =>
        ctx.phase("committing", checkpointOf({ batch, number, file, shared, url, files })),
      );
    }
    recorded = true;
    doubt = await finisher.commit(batch, files, whileWaitedFor);
    committed = doubt === null;
  });

  if (left !== null) {
    members.set(left.member.number, left.member);
    placed = left.phase !== "stored";
    recorded = left.phase === "committing";
    intake.close();
  }

  return {
    shared,
    get slug() {
      return left?.batch ?? link?.batch ?? null;
    },
    get abandoned() {
      return end.signal.aborted;
    },
    gone: end.signal,
    admits: intake.admits,
    enter: intake.enter,
    close: intake.close,
    leave: intake.ended,
    nextNumber() {
      lastNumber += 1;
      return lastNumber;
    },
    async link(ctx, stale) {
      if (link !== null && link !== stale) return link;
      asker = ctx;
      return renewal.join(AbortSignal.any([ctx.signal, end.signal]));
    },
    add(member) {
      members.set(member.number, member);
      intake.ended(member.ctx);
    },
    async finish(number, ctx) {
      const member = members.get(number);
      if (member === undefined) throw new AppError("internal", "a file is not in the batch it was stored in");
      members.set(number, { ...member, ctx });
      try {
        if (!committed) await finishing.join(ctx.signal);
        const held = doubt;
        // While one looks, another member's commit may have left no doubt.
        if (held !== null && !(await isVisible(member.file, member, ctx.signal)) && !committed) throw held;
      } catch (error) {
        if (!ctx.signal.aborted) throw error;
        if (committing) throw maybeVisible();
        abandon();
        throw error;
      }
      const { file, url } = members.get(number) ?? member;
      return { file, url: url ?? finisher.linkOf(file.slug, null) };
    },
    abandon,
  };
}

/** The size in the answer is all that the host says of a file in blocks. Fails with `integrity`. */
function confirmed(file: StoredFile, size: number | null): StoredFile {
  if (file.verified === "md5" || size === null) return file;
  if (size === file.size) return { ...file, verified: "size" };
  throw new AppError("integrity", `the host holds ${size} bytes of ${file.size}`);
}

function isDamage(error: unknown): boolean {
  return error instanceof AppError && error.code === "integrity";
}

/** For good, and in the host's words: repeating it would change nothing. */
function isRefusal(error: unknown): boolean {
  return error instanceof AppError && (error.code === "host_rejected" || error.code === "host_quota");
}

function maybeVisible(): AppError {
  return new AppError("cancelled", "stopped while its commit was asked for: the file may be visible on Ulož.to");
}
