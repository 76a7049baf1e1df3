import { join } from "node:path";
import * as v from "valibot";
import type { EngineEvent } from "../../src/core/events.ts";
import { upInput } from "../../src/core/inputs.ts";
import type { JobStore, UploadRecord } from "../../src/core/job-store.ts";
import { resume } from "../../src/core/resume.ts";
import { type UploadsWorld, up } from "../../src/core/up.ts";
import type { SummaryView } from "../../src/core/views.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { transport } from "../../src/http/transport.ts";
import { openStore } from "../../src/store/open.ts";
import { accountsOf, type FakeHost } from "./fake-host.ts";
import { temporaryDirectory } from "./temporary.ts";

export interface EngineOptions {
  /** Accounts by name, each with its host. */
  readonly accounts: Readonly<Record<string, FakeHost>>;
  /** Null: in memory. */
  readonly stateDirectory?: string | null;
  readonly retryBaseMs?: number;
  /** Wraps the store, to make it fail. */
  readonly store?: (store: JobStore) => JobStore;
  /** Secrets by account; absent: `password` is "secret". */
  readonly secrets?: Readonly<Record<string, string>>;
}

type UpSettings = { readonly run?: Partial<v.InferInput<typeof upInput>["run"]> } & Omit<
  Partial<v.InferInput<typeof upInput>>,
  "run"
>;

/** The engine over fake hosts and a real store, with everything it tells. */
export interface Engine extends AsyncDisposable {
  readonly world: UploadsWorld;
  readonly store: JobStore;
  readonly events: EngineEvent[];
  stop: AbortController;
  /** Called with each event. */
  onEvent: (event: EngineEvent) => void;
  up(sources: readonly string[], to: readonly string[], settings?: UpSettings): Promise<SummaryView>;
  resume(ids?: readonly string[], settings?: { readonly retryUnknown?: boolean }): Promise<SummaryView>;
  /** Uploads that have ended so far, in that order. */
  ended(): readonly UploadRecord[];
  of<T extends EngineEvent["type"]>(type: T): readonly Extract<EngineEvent, { type: T }>[];
}

export function createEngine(options: EngineOptions): Engine {
  const events: EngineEvent[] = [];
  const real = openStore({ directory: options.stateDirectory ?? null, command: "hoist test" });
  const store = options.store?.(real) ?? real;
  const own = temporaryDirectory();
  const accounts = accountsOf(options.accounts, options.secrets);
  const world: UploadsWorld = {
    store,
    accounts,
    committingHosts: new Set(
      Object.values(options.accounts).flatMap(({ host }) => (host.features.commits ? [host.id] : [])),
    ),
    spoolDirectory: join(options.stateDirectory ?? own.path, "spool"),
    fetch: transport,
    retryBaseMs: options.retryBaseMs ?? 1,
    listen: (event) => {
      events.push(event);
      engine.onEvent(event);
    },
    log: () => {},
  };
  const engine: Engine = {
    world,
    store,
    events,
    stop: new AbortController(),
    onEvent: () => {},
    up: (sources, to, { run, ...input } = {}) =>
      up(
        v.parse(upInput, { sources: [...sources], to: [...to], run: { ...run }, ...input }),
        world,
        engine.stop.signal,
      ),
    resume: (ids = [], { retryUnknown = false } = {}) => resume({ ids, retryUnknown }, world, engine.stop.signal),
    ended: () => engine.of("ended").map(({ upload }) => upload),
    of: (type) => events.filter((event) => event.type === type) as never,
    [Symbol.asyncDispose]: async () => {
      await real[Symbol.asyncDispose]();
      own[Symbol.dispose]();
    },
  };
  return engine;
}

export function codeOf(upload: UploadRecord | undefined): ErrorCode | null {
  return upload?.outcome?.ok === false ? upload.outcome.error.code : null;
}
