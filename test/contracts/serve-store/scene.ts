import { expect } from "bun:test";
import type { UploadRecord } from "../../../src/core/job-store.ts";
import type { JobRecord, JobsQuery, JobUpload, NewJob, ServeStore } from "../../../src/core/serve-store.ts";
import { file, success } from "../job-store.ts";

export interface ServeStoreFixture extends AsyncDisposable {
  readonly store: ServeStore;
}

export const A = "uploadgig https://uploadgig.example me";
export const B = "ulozto https://uloz.example me";
export const NONE: ReadonlySet<string> = new Set();
export const NO_LIMIT = Number.MAX_SAFE_INTEGER;
/** An id that nothing has. */
export const NOBODY = "0198c5d2-0000-7000-8000-000000000000";
export const DAY_MS = 24 * 60 * 60_000;

/** A store with one run, anew for each test, and what tests of it do all the time. */
export class ServeScene {
  /** What the store takes for the time. */
  clock = 0;
  runId = "";
  private fixture: ServeStoreFixture | null = null;
  private readonly openStore: (now: () => number) => ServeStoreFixture;

  constructor(openStore: (now: () => number) => ServeStoreFixture) {
    this.openStore = openStore;
  }

  get store(): ServeStore {
    if (this.fixture === null) throw new Error("no test has begun");
    return this.fixture.store;
  }

  async begin(): Promise<void> {
    this.clock = 1_800_000_000_000;
    this.fixture = this.openStore(() => this.clock);
    this.runId = await this.store.createRun({});
    await this.store.openRun(this.runId);
  }

  async end(): Promise<void> {
    await this.fixture?.[Symbol.asyncDispose]();
    this.fixture = null;
  }

  async add(...jobs: readonly NewJob[]): Promise<void> {
    const answer = await this.store.addJobs(this.runId, jobs, null, NO_LIMIT);
    expect(answer).toEqual({ kind: "added", jobs: await Promise.all(jobs.map(({ id }) => this.job(id))) });
  }

  async added(change: Partial<NewJob> = {}): Promise<string> {
    const job = newJob(change);
    await this.add(job);
    return job.id;
  }

  async job(id: string): Promise<JobRecord> {
    const found = await this.store.job(id);
    if (found === null) throw new Error(`no job ${id}`);
    return found;
  }

  async onlyUpload(id: string): Promise<JobUpload> {
    const [only, ...others] = (await this.job(id)).uploads;
    if (only === undefined || others.length > 0) throw new Error("not one upload");
    return only;
  }

  async claimed(busy = NONE): Promise<UploadRecord> {
    const upload = await this.store.claim(this.runId, busy);
    if (upload === null) throw new Error("nothing to claim");
    return upload;
  }

  async listed(query: Partial<JobsQuery> = {}): Promise<readonly string[]> {
    return (await this.store.jobs({ under: null, limit: 100, ...query })).jobs.map(({ id }) => id);
  }

  /** A job that has ended with this outcome. */
  async ended(outcome = success(), change: Partial<NewJob> = {}): Promise<string> {
    const id = await this.added(change);
    const { id: uploadId, fence } = await this.claimed();
    await this.store.finish(uploadId, fence, outcome, 1);
    return id;
  }
}

export function newJob(change: Partial<NewJob> = {}): NewJob {
  return {
    id: Bun.randomUUIDv7(),
    source: file("/file"),
    labels: {},
    group: null,
    hook: null,
    notBefore: null,
    settleMs: null,
    callback: null,
    after: { do: "keep" },
    resumable: "auto",
    uploads: [to(A)],
    ...change,
  };
}

/** A destination. */
export function to(accountKey: string, change: Partial<NewJob["uploads"][number]> = {}): NewJob["uploads"][number] {
  return { account: "uploadgig", accountKey, host: "uploadgig", folder: "/Backups", name: "file.bin", ...change };
}
