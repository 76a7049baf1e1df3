import { type AppError, toAppError } from "../../src/errors.ts";
import type { Credentials, Host, HostSession, Target, UploadOptions, UploadResult } from "../../src/hosts/host.ts";
import { type SandboxExchange, startSandbox } from "../../src/hosts/sandbox-server.ts";
import { openFile, type Source } from "../../src/io/source.ts";
import { hostEnv } from "../support/host-env.ts";
import { bytesOf, temporaryDirectory } from "../support/temporary.ts";
import { type ContextOptions, type RecordedContext, runAttempts, uploadContext } from "../support/upload-context.ts";

export interface StageUpload {
  readonly result: UploadResult | null;
  readonly errors: readonly AppError[];
  readonly context: RecordedContext;
  readonly content: Uint8Array;
}

export interface UploadSettings extends ContextOptions {
  readonly name?: string;
  readonly folder?: string;
  /** Called with every read of the file. */
  readonly onBytes?: (delta: number, context: RecordedContext) => void;
}

/** A session of a host, on sockets, against the host's own simulation that keeps what it receives. */
export interface Stage extends AsyncDisposable {
  readonly session: HostSession;
  /** Every request so far. */
  readonly exchanges: readonly SandboxExchange[];
  /** Attempts until there is an outcome. */
  upload(size: number, settings?: UploadSettings): Promise<StageUpload>;
  uploadSource(source: Source, settings?: UploadSettings): Promise<Omit<StageUpload, "content">>;
  open(credentials: Credentials): Promise<HostSession>;
  /** Resolves when a request is over that satisfies `wanted`. */
  seen(wanted: (exchange: SandboxExchange) => boolean): Promise<SandboxExchange>;
  /** Bytes and name behind a link. */
  download(url: string): Promise<{ readonly bytes: Uint8Array; readonly name: string }>;
  /** The secrets that some message, log line or stack trace holds. */
  leaks(): readonly string[];
}

export interface StageSettings {
  readonly faults: readonly string[];
  /** Milliseconds without progress, and until an answer. */
  readonly patienceMs: number;
  /** Of every upload that says nothing else. */
  readonly options?: Partial<UploadOptions>;
}

export async function openStage(
  host: Host,
  credentials: Credentials,
  { faults, patienceMs, options }: StageSettings,
): Promise<Stage> {
  const directory = temporaryDirectory();
  const exchanges: SandboxExchange[] = [];
  const watchers = new Set<(exchange: SandboxExchange) => void>();
  const server = await startSandbox({
    hosts: { [host.id]: host },
    port: 0,
    faults,
    storeDir: directory.path,
    observe(exchange) {
      exchanges.push(exchange);
      for (const watcher of watchers) watcher(exchange);
    },
  });
  const env = hostEnv({ answerTimeoutMs: () => patienceMs, idleTimeoutMs: patienceMs });
  const told: unknown[] = [];
  const open = (given: Credentials) => host.open(given, { baseUrl: server.origin, loopback: true }, env);
  const session = await open(credentials);
  const targetOf = ({ name = "a.bin", folder = "/" }: UploadSettings): Target => ({
    name,
    folder: host.features.folders ? folder : null,
  });
  const run = async (source: Source, settings: UploadSettings, context: RecordedContext) => {
    const { result, errors } = await runAttempts(session, source, targetOf(settings), context);
    told.push(...errors, ...context.notes);
    return { result, errors, context };
  };
  let files = 0;
  return {
    session,
    exchanges,
    async upload(size, settings = {}) {
      const content = bytesOf(size);
      const context = uploadContext({ options: { ...options }, ...settings });
      files += 1;
      using source = openFile(directory.file(`source-${files}`, content), {
        hash: host.features.verifies === "md5",
        onBytes: (delta) => settings.onBytes?.(delta, context),
      });
      return { ...(await run(source, settings, context)), content };
    },
    uploadSource: (source, settings = {}) =>
      run(source, settings, uploadContext({ options: { ...options }, ...settings })),
    open,
    seen(wanted) {
      const past = exchanges.find(wanted);
      if (past !== undefined) return Promise.resolve(past);
      return new Promise((resolve) => {
        const watcher = (exchange: SandboxExchange) => {
          if (!wanted(exchange)) return;
          watchers.delete(watcher);
          resolve(exchange);
        };
        watchers.add(watcher);
      });
    },
    async download(url) {
      const answer = await fetch(url);
      const disposition = answer.headers.get("content-disposition") ?? "";
      return {
        bytes: new Uint8Array(await answer.arrayBuffer()),
        name: decodeURIComponent(disposition.slice(disposition.indexOf("''") + 2)),
      };
    },
    leaks() {
      const text = [...env.lines, ...told.map(everythingOf)].join("\n");
      return secretsOf(credentials, exchanges).filter((secret) => text.includes(secret));
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      directory[Symbol.dispose]();
    },
  };
}

/** Passwords in every spelling, and what the host gave out instead of them: tokens in headers and in queries. */
function secretsOf(credentials: Credentials, exchanges: readonly SandboxExchange[]): string[] {
  const { user: _, ...configured } = credentials;
  const given = exchanges.flatMap(({ target, headers }) => [
    ...[...new URLSearchParams(target.split("?")[1] ?? "").values()].filter((value) => value.length >= 12),
    ...[...headers].filter(([name]) => name.endsWith("-token")).map(([, value]) => value),
  ]);
  return [...new Set([...Object.values(configured), ...given])].flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams({ x: secret }).toString().slice(2),
    Buffer.from(secret).toString("base64"),
  ]);
}

/** Message, hint, stack and causes; not the link, which is for the person. */
function everythingOf(thrown: unknown): string {
  if (typeof thrown === "string") return thrown;
  const error = toAppError(thrown);
  const cause = error.cause === undefined ? "" : Bun.inspect(error.cause);
  return [error.message, error.hint, error.hostMessage, error.stack, cause].join("\n");
}
