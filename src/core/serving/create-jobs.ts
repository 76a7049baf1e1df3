import { rm } from "node:fs/promises";
import { AppError, errorView, toAppError } from "../../errors.ts";
import { isUnder } from "../../io/safe-open.ts";
import type { Account } from "../accounts/account.ts";
import type { EngineEvent } from "../events.ts";
import { RESUMED } from "../job-store.ts";
import type { EarlierJobs, JobRecord, NewJob, RequestKey, ServeStore } from "../serve-store.ts";
import { jobsOf, jobsOfAll, pathsOf, spooledJob } from "./enqueue.ts";
import { isEnded, type JobView, jobView } from "./job-view.ts";
import type { AccountView, Jobs, Root, ServerEvent, Submitted } from "./jobs.ts";
import { createListeners } from "./listeners.ts";
import type { LiveState } from "./live-state.ts";
import { shownDepth } from "./queue-depth.ts";
import { readRequest } from "./read-request.ts";
import { retryJob } from "./retry-job.ts";
import { waitForJob } from "./wait-for-job.ts";
import type { Worker } from "./worker.ts";

export interface JobsWorld {
  readonly store: ServeStore;
  readonly runId: string;
  readonly live: LiveState;
  readonly worker: Worker;
  /** Tells what has changed about accounts. */
  readonly look: () => Promise<void>;
  /** By name. */
  readonly accounts: () => ReadonlyMap<string, Account>;
  readonly settings: () => JobsSettings;
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
}

/** What a reload of the configuration may change. */
export interface JobsSettings {
  /** Destinations of a request that names none. */
  readonly to: readonly string[];
  /** Prefixes of other machines' paths, and what they are here. */
  readonly rewrite: readonly (readonly [string, string])[];
  /** Most unended jobs at a time. */
  readonly maxQueue: number;
  /** Why a callback cannot be; null when it can. */
  readonly refuseCallback: (url: string) => string | null;
}

/** `Jobs` with what its engine tells it. */
export interface RunningJobs extends Jobs {
  observe(event: EngineEvent): void;
  /** Something about the upload's job has changed. */
  changed(uploadId: string): void;
  tellAccount(account: AccountView): void;
  tellJob(job: JobRecord): void;
}

/** The account may be busy, free, in want of a person or at rest from now on. */
const TOUCHES_ACCOUNT: ReadonlySet<EngineEvent["type"]> = new Set(["start", "parked", "ended", "captcha", "cool_down"]);

/** Longer than any upload takes to stop, unless the disk hangs: whoever cancels is not to wait for that. */
const LONGEST_STOP_MS = 3_000;

export function createJobs(world: JobsWorld): RunningJobs {
  const { store, live } = world;
  const listeners = createListeners<ServerEvent>(world.log);
  const { tell } = listeners;
  const view = (job: JobRecord): JobView => jobView(job, live);
  const tellView = (job: JobView) => tell({ type: "job.state", job, jobPath: job.source.path });
  const tellJob = (job: JobRecord) => {
    if (listeners.any) tellView(view(job));
  };

  async function submit(jobs: readonly NewJob[], key: RequestKey | null): Promise<Submitted> {
    const added = await store.addJobs(world.runId, jobs, key, world.settings().maxQueue);
    if (added.kind === "full") throw new AppError("queue_full", "the queue is full", { hint: "send it again later" });
    if (added.kind !== "added") return answerAgain(added);
    world.worker.queued(added.jobs.flatMap(({ uploads }) => uploads.map(({ accountKey }) => accountKey)));
    const views = added.jobs.map(view);
    views.forEach(tellView);
    return { jobs: views, created: true };
  }

  async function answerAgain(earlier: EarlierJobs): Promise<Submitted> {
    if (earlier.kind === "conflict") {
      throw new AppError("unprocessable", "the idempotency key was used for another request", {
        hint: "take a new key for a new request",
      });
    }
    const records = (await Promise.all(earlier.jobIds.map((id) => store.job(id)))).filter((job) => job !== null);
    if (records.length === 0) {
      throw new AppError("conflict", "the jobs of that idempotency key are forgotten", { hint: "take a new key" });
    }
    return { jobs: records.map(view), created: false };
  }

  const waits = async () => live.waits([...(await store.queued(world.runId, 1)).keys()]);

  async function find(id: string, roots: readonly Root[]): Promise<JobRecord> {
    const job = await store.job(id);
    if (job === null || !isVisible(job, roots)) throw new AppError("not_found", "there is no such job");
    return job;
  }

  async function again(id: string): Promise<JobView> {
    const job = await store.job(id);
    if (job === null) throw new AppError("not_found", "there is no such job");
    tellJob(job);
    return view(job);
  }

  const wait: Jobs["wait"] = (id, ms, roots, signal) =>
    waitForJob(id, ms, { look: async () => view(await find(id, roots)), subscribe: listeners.add, signal });

  async function accountNamed(name: string): Promise<Account> {
    const account = world.accounts().get(name);
    if (account === undefined) throw new AppError("not_found", "there is no such account");
    return account;
  }

  async function changeAccount(name: string, change: Parameters<ServeStore["saveAccount"]>[1]) {
    const account = await accountNamed(name);
    await store.saveAccount(account.key, change);
    await world.look();
    return live.accountView(account);
  }

  return {
    readRequest: (input) => readRequest(input, world),
    async add(request, submitter, key) {
      const earlier = key === null ? null : await store.earlierJobs(key);
      if (earlier !== null) return answerAgain(earlier);
      return submit(await jobsOf(request, submitter, world.signal), key);
    },
    addTogether: async (requests, submitter, refused) =>
      submit(await jobsOfAll(requests, submitter, world.signal, refused), null),
    async addSpooled(file, request, submitter, key) {
      // Where the store fails, the job may be in it all the same: the next start deletes what no job needs.
      let needed = false;
      try {
        const submitted = await submit([spooledJob(file, request, submitter)], key);
        needed = submitted.created;
        return submitted;
      } catch (error) {
        needed = toAppError(error).code === "state";
        throw error;
      } finally {
        if (!needed) await rm(file.path, { force: true });
      }
    },
    async list(query, roots) {
      const { jobs, next } = await store.jobs({
        labels: query.labels,
        limit: query.limit,
        under: [...pathsOf(roots), "-"],
        ...(query.state === undefined ? {} : { state: query.state, waits: await waits() }),
        ...(query.account === undefined ? {} : { account: query.account }),
        ...(query.after === undefined ? {} : { after: query.after }),
      });
      const views = jobs.map(view);
      // A job may have gone on between the search and the look.
      return { jobs: query.state === undefined ? views : views.filter(({ state }) => state === query.state), next };
    },
    get: async (id, roots) => view(await find(id, roots)),
    wait,
    async cancel(id, roots) {
      const job = await find(id, roots);
      if (isEnded(view(job).state)) throw new AppError("conflict", "the job has ended");
      const running = await store.cancelJob(id, errorView(new AppError("cancelled", "the job was cancelled")));
      for (const upload of running) world.worker.cancel(upload.id);
      return running.length === 0 ? again(id) : wait(id, LONGEST_STOP_MS, roots, world.signal);
    },
    async retry(id, roots) {
      await retryJob(world, await find(id, roots), roots);
      world.worker.wake();
      return again(id);
    },
    async remove(id, roots) {
      const job = await find(id, roots);
      if (!(await store.removeJob(id))) {
        throw new AppError("conflict", "the job has not ended", { hint: "cancel it first" });
      }
      await dropSpoolOf(job);
    },
    async accounts() {
      live.know(await store.accountStates());
      return [...world.accounts().values()].map((account) => live.accountView(account));
    },
    pauseAccount: (name) => changeAccount(name, { paused: true, pausedBecause: null }),
    resumeAccount: (name) => changeAccount(name, RESUMED),
    depth: async () => shownDepth(store, await waits()),
    subscribe: listeners.add,

    observe(event) {
      if (TOUCHES_ACCOUNT.has(event.type)) void world.look().catch(() => {});
      if (event.type !== "progress" || !listeners.any) return;
      void store.jobOfUpload(event.upload.id).then(
        (job) => {
          if (job === null) return;
          const { bytes, size, rate, upload } = event;
          tell({
            type: "job.progress",
            job: job.id,
            jobPath: job.source.path,
            upload: upload.id,
            account: upload.account,
            bytes,
            size,
            rate,
            phase: upload.phase,
          });
        },
        () => {},
      );
    },
    changed(uploadId) {
      if (!listeners.any) return;
      void store.jobOfUpload(uploadId).then(
        (job) => job !== null && tellJob(job),
        () => {},
      );
    },
    tellAccount: (account) => tell({ type: "account.state", account }),
    tellJob,
  };
}

async function dropSpoolOf({ source }: JobRecord): Promise<void> {
  if (source.spool !== null) await rm(source.spool, { force: true });
}

/** A file that came by itself belongs to nobody's roots. */
function isVisible({ source }: JobRecord, roots: readonly Root[]): boolean {
  return source.path === "-" || isUnder(source.path, pathsOf(roots));
}
