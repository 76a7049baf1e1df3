import { rm } from "node:fs/promises";
import { AppError, toAppError } from "../../errors.ts";
import type { Account } from "../accounts/account.ts";
import { accountByKey } from "../accounts/account-by-key.ts";
import type { EngineListener } from "../events.ts";
import type { RunOptions } from "../inputs.ts";
import type { QueueWorld } from "../sending/dispatcher.ts";
import type { ServeStore } from "../serve-store.ts";
import { openAccepted } from "../sources/open-accepted.ts";
import { removeOrphans, removeStaleCopies } from "../sources/spooled-bodies.ts";
import { watchAccounts } from "./account-watch.ts";
import { createJobs, type JobsSettings, type RunningJobs } from "./create-jobs.ts";
import { followAccounts } from "./follow-accounts.ts";
import { type JobView, jobView } from "./job-view.ts";
import type { Jobs } from "./jobs.ts";
import { createLiveState } from "./live-state.ts";
import { startWorker, type Worker } from "./worker.ts";

export interface ServerEngineWorld extends Omit<QueueWorld, "accountOf" | "openNamed" | "listen"> {
  readonly store: ServeStore;
  /** By name, as configured now. */
  readonly accounts: () => ReadonlyMap<string, Account>;
  readonly settings: () => EngineSettings;
  /** Ids of hosts on which nothing is visible before a commit. */
  readonly committingHosts: ReadonlySet<string>;
  readonly listen: EngineListener;
  /** Where files go that come with their requests. */
  readonly spoolDirectory: string;
}

export interface EngineSettings extends JobsSettings {
  /** Absolute directories below which a file may be opened, of all tokens and hooks. */
  readonly roots: readonly string[];
  /** Milliseconds after which an ended job is forgotten. */
  readonly keepMs: number;
}

/** The queue of a server and what it offers. */
export interface ServerEngine {
  readonly jobs: Jobs;
  readonly spoolDirectory: string;
  /** Jobs that ended as an earlier server died: callbacks and messages are still to be sent. */
  readonly endedMeanwhile: readonly JobView[];
  /** The accounts are configured anew: what waits for one of them is looked at now, and what has not begun follows its name. */
  reconfigured(): void;
  /** Starts nothing more, lets uploads run for `graceMs`, then stops and records them. */
  stop(graceMs: number): Promise<void>;
}

const FORGET_EVERY_MS = 10 * 60_000;
const GUARD_EVERY_MS = 1_000;
/** Held by the server of a state directory for as long as it lives. */
export const SERVER_LOCK = "serve";

/**
 * Takes over what an earlier server of this state directory left and starts working. Fails with `state` when another
 * one is alive.
 */
export async function startServerEngine(world: ServerEngineWorld, options: RunOptions): Promise<ServerEngine> {
  const { store } = world;
  const grant = await store.takeLock(SERVER_LOCK);
  if (!grant.granted) {
    const pid = grant.owner === null ? "" : ` (process ${grant.owner.pid})`;
    throw new AppError("state", `another hoist serve${pid} works on this state directory`, {
      hint: "stop it, or give this one another --state-dir",
    });
  }
  await store.recover(world.committingHosts);
  const runId = await store.createRun({});
  await store.openRun(runId);
  const { crashed, untold } = await store.adoptJobs(runId, world.committingHosts);
  for (const { job, upload } of crashed) world.listen({ type: "ended", upload }, job);
  await followAccounts(world, runId);
  const forget = async () => {
    const spools = await store.forget(Date.now() - world.settings().keepMs);
    await Promise.all(spools.map((path) => rm(path, { force: true })));
  };
  await forget();
  await removeOrphans(store, world.spoolDirectory);
  await removeStaleCopies(store, world.spoolDirectory);

  const stopped = new AbortController();
  const live = createLiveState(world.accounts);
  // The worker tells the jobs, the jobs wake the worker.
  const late: { jobs: RunningJobs | null } = { jobs: null };
  const watch = watchAccounts({
    ...world,
    live,
    changed(account, view) {
      late.jobs?.tellAccount(view);
      worker.reconsider(account.key);
    },
  });
  await watch.look();
  const look = () => void watch.look().catch(() => {});
  const worker: Worker = startWorker(
    {
      ...world,
      live,
      accountOf: (key) => accountByKey(world.accounts())(key),
      openNamed: (source, sourceOptions) => openAccepted(source, world.settings().roots, sourceOptions),
      listen(event, job) {
        late.jobs?.observe(event);
        if (event.type === "captcha" || event.type === "cool_down" || event.type === "parked") look();
        world.listen(event, job);
      },
      changed: (uploadId) => late.jobs?.changed(uploadId),
      accountChanged: look,
    },
    { id: runId, options },
  );
  const jobs = createJobs({ ...world, runId, live, worker, look: watch.look, signal: stopped.signal });
  late.jobs = jobs;
  const forgetting = setInterval(() => {
    void forget().catch(() => {});
  }, FORGET_EVERY_MS);
  forgetting.unref();
  const guarding = guard(store, world.listen);

  return {
    jobs,
    spoolDirectory: world.spoolDirectory,
    endedMeanwhile: untold.map((job) => jobView(job, live)),
    reconfigured() {
      // What cannot be moved now is tried again as the worker meets it.
      void followAccounts(world, runId)
        .catch(() => {})
        .finally(() => worker.wake());
    },
    async stop(graceMs) {
      clearInterval(forgetting);
      clearInterval(guarding);
      watch[Symbol.dispose]();
      stopped.abort();
      await worker.stop(graceMs);
      // Of a store that cannot be written it goes with its owner.
      await store.freeLock(SERVER_LOCK).catch(() => {});
    },
  };
}

/** Tells, once, that nothing is recorded any more: a quiet server would find out with the next request. */
function guard(store: ServeStore, listen: EngineListener): Timer {
  const timer = setInterval(() => {
    store.assertLasting().catch((thrown) => {
      clearInterval(timer);
      listen({ type: "warning", text: `${toAppError(thrown).message}; until then no job is taken or started` });
    });
  }, GUARD_EVERY_MS);
  return timer.unref();
}
