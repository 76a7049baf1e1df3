import type { App, AppOptions } from "../../src/app.ts";
import type { CliIo } from "../../src/cli/io.ts";
import { runCli } from "../../src/cli/run.ts";
import type { Config } from "../../src/config/load.ts";
import type { EngineListener } from "../../src/core/events.ts";
import type { UpInput } from "../../src/core/inputs.ts";
import type { JobStore, Outcome, UploadRecord } from "../../src/core/job-store.ts";
import type { ResumeRequest } from "../../src/core/resume.ts";
import type { PlanView, SummaryView } from "../../src/core/views.ts";
import { type AppError, errorView } from "../../src/errors.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What a test puts in the engine's place, and how the process looks. */
export interface Scene {
  readonly tty?: { readonly stdin?: boolean; readonly stdout?: boolean; readonly stderr?: boolean };
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly defaults?: Partial<Config["up"]>;
  readonly warnings?: readonly string[];
  readonly up?: (input: UpInput, listen: EngineListener, signal: AbortSignal) => Promise<SummaryView>;
  readonly resume?: (request: ResumeRequest, listen: EngineListener) => Promise<SummaryView>;
  readonly plan?: (input: UpInput) => readonly PlanView[];
  readonly store?: Partial<JobStore>;
  /** Filled with what stdout is given, as it is given. */
  readonly out?: string[];
  /** Told how the engine was opened. */
  readonly opened?: (options: AppOptions) => void;
}

/** Runs one command line in process. */
export async function run(argv: readonly string[], scene: Scene = {}): Promise<Ran> {
  const out = scene.out ?? [];
  const err: string[] = [];
  const sink = (to: string[], isTTY = false) => ({
    write: (text: string) => to.push(text),
    isTTY,
    columns: 80,
    rows: 24,
  });
  const io: CliIo = {
    stdin: { isTTY: scene.tty?.stdin ?? false, async *[Symbol.asyncIterator]() {} },
    stdout: sink(out, scene.tty?.stdout),
    stderr: sink(err, scene.tty?.stderr),
    env: scene.env ?? {},
    signal: scene.signal ?? new AbortController().signal,
    openApp: async (options) => fakeApp(scene, options),
  };
  const code = await runCli(argv, io);
  return { code, out: out.join(""), err: err.join("") };
}

function fakeApp(scene: Scene, options: AppOptions): App {
  scene.opened?.(options);
  const missing = () => Promise.reject(new Error("the scene has no such act"));
  return {
    config: {
      path: null,
      stateDir: "/state",
      accounts: new Map(),
      up: {
        to: [],
        parallel: undefined,
        limitRate: undefined,
        retries: undefined,
        format: undefined,
        after: undefined,
        ...scene.defaults,
      },
      hooks: {},
      serve: undefined,
      notify: [],
      retryBaseMs: 1000,
      warnings: scene.warnings ?? [],
    },
    store: async () => (scene.store ?? {}) as JobStore,
    up: (input, signal) => scene.up?.(input, options.listen, signal) ?? missing(),
    resume: (request) => scene.resume?.(request, options.listen) ?? missing(),
    async *plan(input) {
      yield* scene.plan?.(input) ?? [];
    },
    check: missing,
    standing: async () => null,
    use: missing,
    reload: missing,
    serve: missing,
    outboxConfig: missing,
    [Symbol.asyncDispose]: async () => {},
  };
}

export const OK: Extract<Outcome, { readonly ok: true }> = {
  ok: true,
  url: "https://host.example/f/1",
  remoteId: "1",
  size: 3_000_000,
  md5: null,
  verified: "size",
  skipped: false,
  skipReason: null,
};

export function failed(error: AppError): Outcome {
  return { ok: false, error: errorView(error) };
}

export function upload(change: Partial<UploadRecord> = {}): UploadRecord {
  const sourceIndex = change.sourceIndex ?? 0;
  const name = change.name ?? "x.bin";
  return {
    id: `id-${sourceIndex}-${change.destinationIndex ?? 0}`,
    runId: "run",
    sourceIndex,
    destinationIndex: 0,
    source: { path: `/abs/${name}`, size: 3_000_000, mtimeNs: "1", inode: "1:1", spool: null },
    account: "uploadgig",
    accountKey: "uploadgig https://uploadgig.com me",
    host: "uploadgig",
    folder: null,
    name,
    labels: {},
    state: "done",
    phase: "committed",
    checkpoint: null,
    fence: 1,
    attempts: 1,
    outcome: OK,
    reported: true,
    createdAt: Date.UTC(2026, 0, 31, 18),
    startedAt: Date.UTC(2026, 0, 31, 18),
    finishedAt: Date.UTC(2026, 0, 31, 18, 0, 5),
    seconds: 1.25,
    ...change,
  };
}

export function summary(change: Partial<SummaryView> = {}): SummaryView {
  const nothing = { ok: 0, failed: 0, skipped: 0, bytes: 0, seconds: 0, exit: 0, retryable: false, codes: {} };
  return { v: 1, type: "summary", ...nothing, ...change };
}

/** A run in which these uploads end, in this order. */
export function endings(uploads: readonly UploadRecord[], destinations = 1, change: Partial<SummaryView> = {}) {
  return async (_input: UpInput, listen: EngineListener): Promise<SummaryView> => {
    listen({ type: "planned", uploads: uploads.length, destinations, bytes: 0 });
    for (const each of uploads) listen({ type: "ended", upload: each });
    return summary(change);
  };
}
