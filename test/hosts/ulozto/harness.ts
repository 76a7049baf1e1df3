import { AppError, ERROR_CLASSES, toAppError } from "../../../src/errors.ts";
import type { HostEnv, HostSession, UploadContext, UploadResult } from "../../../src/hosts/host.ts";
import type { Phase } from "../../../src/hosts/phase.ts";
import { openSession } from "../../../src/hosts/ulozto/session.ts";
import { openFile } from "../../../src/io/source.ts";
import type { Json } from "../../../src/json.ts";
import { type UloztoStandIn, ulozTo } from "../../e2e/stand-in/ulozto.ts";
import { hostEnv } from "../../support/host-env.ts";
import { bytesOf, temporaryDirectory } from "../../support/temporary.ts";

/** One upload over its attempts, as core would make them. */
export interface Tried {
  readonly result: UploadResult | null;
  readonly error: AppError | null;
  readonly attempts: number;
  /** Of them, those that did not count. */
  readonly free: number;
  readonly phases: readonly Phase[];
  readonly notes: readonly string[];
  /** What the file counted as given in the end. */
  readonly counted: number;
  /** How often durable progress was recorded. */
  readonly confirmed: number;
  readonly pages: readonly string[];
  /** Every failure, the last included. */
  readonly failures: readonly AppError[];
}

export interface UploadOptions {
  readonly folder?: string;
  readonly retries?: number;
  readonly signal?: AbortSignal;
  readonly resume?: { readonly phase: Phase; readonly checkpoint: Json };
  /** What `ctx.more()` says; without it, whether other uploads of the harness send. */
  readonly more?: boolean;
  readonly resumable?: "auto" | "always" | "never";
  readonly checksum?: boolean;
  readonly overflow?: "fail" | "new-folder";
  /** Runs with each phase, before it counts as recorded. */
  readonly onPhase?: (phase: Phase) => void | Promise<void>;
  readonly person?: (page: string) => Promise<void>;
  /** Instead of the wait that a failure advises. */
  readonly pause?: () => Promise<void>;
}

export interface Uploader extends Disposable {
  readonly session: HostSession;
  readonly env: HostEnv;
  file(name: string, content: number | string | Uint8Array): string;
  /** Uploads that many bytes, or the given ones, under that name; never rejects. */
  upload(name: string, content: number | string | Uint8Array, options?: UploadOptions): Promise<Tried>;
  uploadWith(
    session: HostSession,
    name: string,
    content: number | string | Uint8Array,
    options?: UploadOptions,
  ): Promise<Tried>;
  uploadFile(path: string, name: string, options?: UploadOptions): Promise<Tried>;
  /** The last checkpoint recorded under a name. */
  checkpoint(name: string): { readonly phase: Phase; readonly checkpoint: Json };
}

export interface Harness extends Omit<Uploader, keyof Disposable>, AsyncDisposable {
  readonly host: UloztoStandIn;
  /** Another process on the same account. */
  reopen(): HostSession;
}

export interface HarnessOptions {
  readonly host?: Parameters<typeof ulozTo>[0];
  readonly secrets?: { readonly token?: string; readonly password?: string; readonly apiKey?: string };
  readonly loopback?: boolean;
  readonly env?: Partial<HostEnv>;
}

/** Uploads to the strict stand-in of the host, which tells what it saw. */
export async function harness(options: HarnessOptions = {}): Promise<Harness> {
  const host = await ulozTo(options.host ?? {});
  const credentials = { user: "me", ...(options.secrets ?? { token: "ut-token" }) };
  const endpoint = { baseUrl: host.url, loopback: options.loopback ?? true };
  const uploader = await createUploader(async (env) => openSession(credentials, endpoint, env), options.env);
  return {
    ...uploader,
    host,
    reopen: () => openSession(credentials, endpoint, uploader.env),
    async [Symbol.asyncDispose]() {
      uploader[Symbol.dispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

/** Makes the attempts that core would make, on one session or several. */
export async function createUploader(
  open: (env: HostEnv) => Promise<HostSession>,
  overrides: Partial<HostEnv> = {},
): Promise<Uploader> {
  const dir = temporaryDirectory();
  const env = hostEnv({ retryBaseMs: 4, ...overrides });
  const session = await open(env);
  const checkpoints = new Map<string, { phase: Phase; checkpoint: Json | null }>();
  let sending = 0;
  let files = 0;

  const file: Uploader["file"] = (name, content) => {
    files += 1;
    const local = `${files}-${name.replaceAll(/[^\w.]/g, "_").slice(0, 60)}`;
    return dir.file(local, typeof content === "number" ? bytesOf(content) : content);
  };

  const uploadPath = async (on: HostSession, path: string, name: string, asked: UploadOptions = {}): Promise<Tried> => {
    let counted = 0;
    let confirmed = 0;
    using source = openFile(path, { hash: true, onBytes: (delta) => (counted += delta) });
    const phases: Phase[] = [];
    const notes: string[] = [];
    const pages: string[] = [];
    const failures: AppError[] = [];
    const spent = new Map<string, number>();
    const signal = asked.signal ?? new AbortController().signal;
    let record: { phase: Phase; checkpoint: Json | null } = asked.resume ?? { phase: "new", checkpoint: null };
    let attempts = 0;
    let free = 0;
    let inside = true;
    let ended = false;
    sending += 1;
    const leave = () => {
      if (inside) sending -= 1;
      inside = false;
    };
    const ctx: UploadContext = {
      signal,
      options: {
        resumable: asked.resumable ?? "auto",
        checksum: asked.checksum ?? false,
        overflow: asked.overflow ?? "fail",
      },
      get resume() {
        return record.checkpoint === null ? null : { phase: record.phase, checkpoint: record.checkpoint };
      },
      async phase(phase, checkpoint, progress) {
        await asked.onPhase?.(phase);
        if (progress === "confirmed") confirmed += 1;
        if (ended) throw new AppError("state", "the upload has ended");
        phases.push(phase);
        record = { phase, checkpoint: checkpoint === undefined ? record.checkpoint : checkpoint };
        checkpoints.set(name, record);
      },
      async person({ url }) {
        if (pages.at(-1) !== url) pages.push(url);
        if (asked.person !== undefined) return asked.person(url);
        await env.sleep(5, signal);
      },
      spend(step, limit) {
        const used = spent.get(step) ?? 0;
        spent.set(step, used + 1);
        return used < limit;
      },
      release: leave,
      more: () => asked.more ?? sending > (inside ? 1 : 0),
      note: (message) => notes.push(message),
    };
    const done = (result: UploadResult | null, error: AppError | null): Tried => {
      leave();
      ended = true;
      return { result, error, attempts, free, phases, notes, counted, confirmed, pages, failures };
    };
    for (let left = asked.retries ?? 5; ; ) {
      attempts += 1;
      try {
        return done(await on.upload(source, { name, folder: asked.folder ?? "/" }, ctx), null);
      } catch (thrown) {
        const error = toAppError(thrown);
        failures.push(error);
        if (signal.aborted || !(error.retry.again ?? ERROR_CLASSES[error.code].retry)) return done(null, error);
        if (error.retry.free === true) free += 1;
        else if (left-- === 0) return done(null, error);
        if (asked.pause !== undefined) await asked.pause();
        else await env.sleep(Math.min(error.retry.afterMs ?? 5, 20), signal).catch(() => {});
        if (signal.aborted) return done(null, error);
      }
    }
  };

  return {
    session,
    env,
    file,
    uploadWith: (on, name, content, asked) => uploadPath(on, file(name, content), name, asked),
    upload: (name, content, asked) => uploadPath(session, file(name, content), name, asked),
    uploadFile: (path, name, asked) => uploadPath(session, path, name, asked),
    checkpoint(name) {
      const { phase, checkpoint } = checkpoints.get(name) ?? { phase: "new", checkpoint: null };
      if (checkpoint === null) throw new Error(`${name} has no checkpoint (${phase})`);
      return { phase, checkpoint };
    },
    [Symbol.dispose]: dir[Symbol.dispose],
  };
}
