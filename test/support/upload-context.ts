import { AppError, ERROR_CLASSES, toAppError } from "../../src/errors.ts";
import type { HostSession, Target, UploadContext, UploadOptions, UploadResult } from "../../src/hosts/host.ts";
import type { Phase } from "../../src/hosts/phase.ts";
import type { Source } from "../../src/io/source.ts";
import type { Json } from "../../src/json.ts";

export interface RecordedContext extends UploadContext {
  readonly phases: Phase[];
  readonly notes: string[];
  /** Captcha pages shown. */
  readonly pages: string[];
  abort(): void;
}

export interface ContextOptions {
  readonly resume?: UploadContext["resume"];
  readonly options?: Partial<UploadOptions>;
  /** Runs where the engine would make the phase durable. */
  readonly onPhase?: (phase: Phase) => void | Promise<void>;
  /** Runs when a person is asked for. Default: nobody comes. */
  readonly onPerson?: () => void | Promise<void>;
}

/** The context of one upload as the engine keeps it over its attempts; phases and notes are recorded. */
export function uploadContext(settings: ContextOptions = {}): RecordedContext {
  const gone = new AbortController();
  const spent = new Map<string, number>();
  const phases: Phase[] = [];
  const notes: string[] = [];
  const pages: string[] = [];
  let checkpoint: Json | null = settings.resume?.checkpoint ?? null;
  let phase: Phase = settings.resume?.phase ?? "new";
  return {
    phases,
    notes,
    pages,
    abort: () => gone.abort(),
    signal: gone.signal,
    options: { resumable: "auto", checksum: false, overflow: "fail", ...settings.options },
    get resume() {
      return checkpoint === null ? null : { phase, checkpoint };
    },
    async phase(next, kept) {
      phase = next;
      phases.push(next);
      // As through the database: nothing but JSON comes back.
      if (kept !== undefined) checkpoint = JSON.parse(JSON.stringify(kept)) as Json;
      await settings.onPhase?.(next);
    },
    async person({ url }) {
      pages.push(url);
      if (settings.onPerson === undefined) throw new AppError("captcha", "nobody solves a captcha here", { url });
      await settings.onPerson();
    },
    spend(step, limit) {
      const used = spent.get(step) ?? 0;
      spent.set(step, used + 1);
      return used < limit;
    },
    release() {},
    more: () => false,
    note: (message) => notes.push(message),
  };
}

export interface Run {
  readonly result: UploadResult | null;
  /** Of the failed attempts; the last one ended the upload when there is no result. */
  readonly errors: readonly AppError[];
}

/** Attempts until the upload has its outcome, as the engine makes them, but without waiting in between. */
export async function runAttempts(
  session: HostSession,
  source: Source,
  target: Target,
  context: UploadContext,
  limit = 6,
): Promise<Run> {
  const errors: AppError[] = [];
  for (;;) {
    try {
      return { result: await session.upload(source, target, context), errors };
    } catch (thrown) {
      const error = toAppError(thrown);
      errors.push(error);
      const again = error.retry.again ?? ERROR_CLASSES[error.code].retry;
      if (!again || source.spent || errors.length === limit) return { result: null, errors };
    }
  }
}
