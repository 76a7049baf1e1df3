import { realpathSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { EngineEvent } from "../../src/core/events.ts";
import { runOptions } from "../../src/core/inputs.ts";
import type { ServeStore } from "../../src/core/serve-store.ts";
import { type AddJob, addJob } from "../../src/core/serving/add-job.ts";
import { isEnded, type JobView } from "../../src/core/serving/job-view.ts";
import type { Root, ServerEvent, Submitter } from "../../src/core/serving/jobs.ts";
import { type ServerEngine, startServerEngine } from "../../src/core/serving/server-engine.ts";
import { openStore } from "../../src/store/open.ts";
import { accountsOf, type FakeHost } from "./fake-host.ts";
import { type TemporaryDirectory, temporaryDirectory } from "./temporary.ts";

export interface ServerFixture extends AsyncDisposable {
  readonly engine: ServerEngine;
  readonly store: ServeStore;
  readonly files: TemporaryDirectory;
  readonly submitter: Submitter;
  readonly roots: readonly Root[];
  readonly events: ServerEvent[];
  /** What the engine tells the log, with the job it is about. */
  readonly told: { readonly event: EngineEvent; readonly job: string | undefined }[];
  /** What goes to the debug log. */
  readonly logged: string[];
  add(path: string, to: readonly string[], more?: Partial<v.InferInput<typeof addJob>>): Promise<JobView>;
  /** The job as soon as it looks like that. */
  until(id: string, wanted: (job: JobView) => boolean): Promise<JobView>;
  ended(id: string): Promise<JobView>;
}

export interface ServerFixtureOptions {
  readonly accounts: Readonly<Record<string, FakeHost>>;
  readonly stateDirectory?: string | null;
  readonly files?: TemporaryDirectory;
  readonly parallel?: number;
  readonly retries?: number;
  readonly maxQueue?: number;
}

/** The server's engine over fake hosts and a real store, without HTTP. */
export async function startServer(options: ServerFixtureOptions): Promise<ServerFixture> {
  const files = options.files ?? temporaryDirectory();
  const store = openStore({ directory: options.stateDirectory ?? null, command: "hoist test" });
  const accounts = accountsOf(options.accounts);
  const told: ServerFixture["told"] = [];
  const logged: string[] = [];
  const roots: readonly Root[] = [{ path: realpathSync(files.path), write: true }];
  const submitter: Submitter = { name: "test", hook: null, roots, mayDelete: true };
  const engine = await startServerEngine(
    {
      store,
      accounts: () => accounts,
      settings: () => ({
        to: [],
        rewrite: [],
        maxQueue: options.maxQueue ?? 100_000,
        refuseCallback: () => "there is no callback secret",
        roots: roots.map(({ path }) => path),
        keepMs: 86_400_000,
      }),
      committingHosts: new Set(
        Object.values(options.accounts).flatMap(({ host }) => (host.features.commits ? [host.id] : [])),
      ),
      spoolDirectory: join(options.stateDirectory ?? files.path, "spool"),
      fetch,
      retryBaseMs: 1,
      listen: (event, job) => told.push({ event, job }),
      log: (message) => logged.push(message),
    },
    {
      ...v.parse(runOptions, {}),
      parallel: options.parallel ?? 4,
      retries: options.retries ?? 1,
      waitCoolDownMs: Number.POSITIVE_INFINITY,
      waitCaptchaMs: Number.POSITIVE_INFINITY,
    },
  );
  const events: ServerEvent[] = [];
  engine.jobs.subscribe((event) => events.push(event));

  async function until(id: string, wanted: (job: JobView) => boolean): Promise<JobView> {
    for (const deadline = Date.now() + 10_000; ; await Bun.sleep(5)) {
      const job = await engine.jobs.get(id, roots);
      if (wanted(job)) return job;
      if (Date.now() > deadline) throw new Error(`the job is still ${JSON.stringify(job)}`);
    }
  }

  return {
    engine,
    store,
    files,
    submitter,
    roots,
    events,
    told,
    logged,
    async add(path, to, more = {}) {
      const input: AddJob = v.parse(addJob, { path, to: [...to], ...more });
      const { jobs } = await engine.jobs.add(engine.jobs.readRequest(input), submitter, null);
      const [job] = jobs;
      if (job === undefined) throw new Error("nothing was queued");
      return job;
    },
    until,
    ended: (id) => until(id, (job) => isEnded(job.state)),
    async [Symbol.asyncDispose]() {
      await engine.stop(0);
      await store[Symbol.asyncDispose]();
      if (options.files === undefined) files[Symbol.dispose]();
    },
  };
}
