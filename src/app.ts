import { constants } from "node:fs";
import { access, mkdir, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { type Config, loadConfig } from "./config/load.ts";
import { type Environment, thisPlace } from "./config/place.ts";
import type { ServeConfig } from "./config/serve.ts";
import type { Account } from "./core/accounts/account.ts";
import { standingInStore } from "./core/accounts/account-standing.ts";
import { checkAccount } from "./core/accounts/check-account.ts";
import { type Timeouts, useSession } from "./core/accounts/use-session.ts";
import { compare } from "./core/compare.ts";
import type { EngineListener } from "./core/events.ts";
import { runOptions, type UpInput } from "./core/inputs.ts";
import type { JobStore } from "./core/job-store.ts";
import { type ResumeRequest, resume } from "./core/resume.ts";
import type { ServeStore } from "./core/serve-store.ts";
import type { EngineSettings, ServerEngine } from "./core/serving/server-engine.ts";
import { plan, type UploadsWorld, up } from "./core/up.ts";
import type { PlanView, SummaryView } from "./core/views.ts";
import type { AccountInfo, HostSession } from "./hosts/host.ts";
import { HOSTS } from "./hosts/registry.ts";
import { exemptLoopbackFromProxy } from "./http/proxy.ts";
import { transport as fetch } from "./http/transport.ts";
import type { OutboxConfig, OutboxLog } from "./outbox/world.ts";
import { isRecorded, openStore } from "./store/open.ts";

export interface AppOptions {
  readonly flags: { readonly config?: string | undefined; readonly stateDir?: string | undefined };
  /** The configuration file need not be there, even if it is named. */
  readonly makesConfig?: boolean;
  readonly env: Environment;
  /** How other processes see this one: "hoist up". */
  readonly command: string;
  /** False: no record is kept, and lanes are not shared with other processes. */
  readonly history: boolean;
  readonly listen: EngineListener;
  /** Debug log. */
  readonly log: (message: string) => void;
}

/** The composition root: configuration, hosts, store and network behind what the front doors call. */
export interface App extends AsyncDisposable {
  /** As loaded last. */
  readonly config: Config;
  /**
   * Reads the configuration again. Fails with `config`, or as `accept` does, and keeps the old one when the new is
   * wrong.
   */
  reload(accept?: (config: Config) => Promise<void>): Promise<Config>;
  /** The ledger, in which uploads of dead processes are marked. Fails with `state` when it cannot be opened. */
  store(): Promise<JobStore>;
  up(input: UpInput, signal: AbortSignal): Promise<SummaryView>;
  plan(input: UpInput, signal: AbortSignal): AsyncIterable<PlanView>;
  resume(request: ResumeRequest, signal: AbortSignal): Promise<SummaryView>;
  /** What is going on with the account; null where nothing was ever recorded. Only looks. Fails with `state`. */
  standing(account: Account): Promise<Awaited<ReturnType<typeof standingInStore>> | null>;
  /** Logs in once; a success lifts an earlier refusal. Fails with `usage` on a host that cannot tell. */
  check(account: Account, signal: AbortSignal): Promise<AccountInfo>;
  /** Something with an account that is no upload. */
  use<T>(account: Account, work: (session: HostSession) => Promise<T>): Promise<T>;
  /** The engine of a server, and what tells others. Fails with `state` when another one works on this state directory. */
  serve(request: ServeRequest): Promise<Serving>;
  /** What others are told and how, secrets read. Fails with `config`. */
  outboxConfig(config: Config, serve: ServeConfig): Promise<OutboxConfig>;
}

export interface ServeRequest {
  /** As configured now: a reload changes it. */
  readonly settings: () => Omit<EngineSettings, "refuseCallback">;
  readonly outbox: () => OutboxConfig;
  /** Uploads at a time. */
  readonly parallel: number;
  readonly log: OutboxLog;
}

export interface Serving extends Pick<ServerEngine, "jobs" | "stop" | "spoolDirectory" | "reconfigured"> {
  /** Remembers a signed message's id; false when it is known already. Durable when it resolves. */
  rememberMessage(scope: string, id: string): Promise<boolean>;
  /** Fails with `state` when nothing that is taken now would last. */
  assertLasting(): Promise<void>;
}

/** Fails with `config`. Nothing is opened or called yet. */
export async function createApp(options: AppOptions): Promise<App> {
  const { flags, makesConfig, env, listen, log } = options;
  const load = () => loadConfig({ hosts: HOSTS, ...flags, makesConfig, place: thisPlace(env) });
  let config = await load();
  // There is no --insecure: Bun would skip the certificates' check for every request.
  delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  exemptLoopback(config);
  let opened: Promise<ServeStore> | null = null;

  function store(directory = options.history ? config.stateDir : null, mustStay = false): Promise<ServeStore> {
    opened ??= (async () => openStore({ directory, command: options.command, mustStay }))();
    return opened;
  }

  /** Without a usable state directory an upload still goes ahead, unrecorded. */
  async function storeOrMemory(): Promise<JobStore> {
    const why = options.history ? await whyUnusable(config.stateDir) : null;
    if (why === null) return store();
    listen({ type: "warning", text: `no record is kept: the state directory ${config.stateDir} ${why}` });
    return store(null);
  }

  async function world(): Promise<UploadsWorld> {
    const ledger = await storeOrMemory();
    return {
      store: ledger,
      accounts: config.accounts,
      committingHosts: COMMITTING_HOSTS,
      spoolDirectory: join((await whyUnusable(config.stateDir)) === null ? config.stateDir : tmpdir(), "spool"),
      ...sessionWorld(),
    };
  }

  const sessionWorld = () => ({ fetch, retryBaseMs: config.retryBaseMs, listen, log });

  async function use<T>(account: Account, work: (session: HostSession) => Promise<T>): Promise<T> {
    return useSession(account, { ...sessionWorld(), store: await storeOrMemory() }, TIMEOUTS, work);
  }

  return {
    get config() {
      return config;
    },
    async reload(accept) {
      const loaded = await load();
      await accept?.(loaded);
      config = loaded;
      exemptLoopback(config);
      return config;
    },
    async store() {
      const ledger = await store();
      await ledger.recover(COMMITTING_HOSTS);
      return ledger;
    },
    up: async (input, signal) => up(input, await world(), signal),
    async *plan(input, signal) {
      const { accounts } = config;
      if (!input.run.skipExisting) yield* plan(input, { accounts, listen, ledger: null }, signal);
      else {
        const ledger = await storeOrMemory();
        yield* compare(plan(input, { accounts, listen, ledger }, signal), { accounts, use }, signal);
      }
    },
    async resume(request, signal) {
      // Where no record can be read, nobody knows that nothing is interrupted.
      await store();
      return resume(request, await world(), signal);
    },
    use,
    standing: async ({ key }) => (isRecorded(config.stateDir) ? standingInStore(await store(), key) : null),
    check: async (account, signal) =>
      checkAccount(account, { ...sessionWorld(), store: await store() }, TIMEOUTS, signal),
    async outboxConfig({ notify, path }, serve) {
      const { readOutboxConfig } = await import("./outbox/config.ts");
      return readOutboxConfig(serve, notify, { configPath: path ?? "", env });
    },
    async serve({ settings, outbox: outboxConfig, parallel, log: outboxLog }) {
      const [{ startServerEngine }, { startOutbox }, { refuseCallback, resolveName }, { systemClock }] =
        await Promise.all([
          import("./core/serving/server-engine.ts"),
          import("./outbox/outbox.ts"),
          import("./outbox/callbacks.ts"),
          import("./outbox/clock.ts"),
        ]);
      const ledger = await store(config.stateDir, true);
      const { limitRate, retries } = config.up;
      const engine = await startServerEngine(
        {
          store: ledger,
          accounts: () => config.accounts,
          settings: () => ({
            ...settings(),
            refuseCallback: (url) => refuseCallback(url, outboxConfig().callbacks),
          }),
          committingHosts: COMMITTING_HOSTS,
          // One spelling, whatever links lead there: records name bodies by their paths.
          spoolDirectory: join(await realpath(config.stateDir), "spool"),
          ...sessionWorld(),
        },
        // A server has all the time that a host or a person asks for.
        { ...v.parse(runOptions, { limitRate, retries }), parallel, waitCoolDownMs: FOREVER, waitCaptchaMs: FOREVER },
      );
      const outbox = startOutbox({
        store: ledger,
        config: outboxConfig,
        fetch,
        resolve: resolveName,
        clock: systemClock,
        log: outboxLog,
      });
      const unsubscribe = engine.jobs.subscribe((event) => outbox.observe(event));
      for (const job of engine.endedMeanwhile) outbox.ended(job);
      return {
        jobs: engine.jobs,
        spoolDirectory: engine.spoolDirectory,
        reconfigured: () => engine.reconfigured(),
        assertLasting: () => ledger.assertLasting(),
        rememberMessage: (scope, id) => ledger.rememberMessage(scope, id),
        async stop(graceMs) {
          await engine.stop(graceMs);
          unsubscribe();
          await outbox.stop();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await (await opened?.catch(() => null))?.[Symbol.asyncDispose]();
    },
  };
}

/** Bun reads the proxy variables from the process itself, whatever environment is passed in. */
function exemptLoopback({ accounts }: Config): void {
  exemptLoopbackFromProxy(
    process.env,
    [...accounts.values()].map(({ endpoint }) => endpoint.baseUrl),
  );
}

const FOREVER = Number.POSITIVE_INFINITY;

const COMMITTING_HOSTS = new Set(Object.keys(HOSTS).filter((id) => HOSTS[id]?.features.commits));

const TIMEOUTS: Timeouts = {
  idleTimeoutMs: 60_000,
  answerTimeoutMs: null,
};

/** Why nothing can be put into the directory; null when something can, it having been made where it was missing. */
async function whyUnusable(directory: string): Promise<string | null> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch {
    return "cannot be made";
  }
  return access(directory, constants.W_OK | constants.X_OK).then(
    () => null,
    ({ code }: NodeJS.ErrnoException) => `cannot be written to (${code})`,
  );
}
