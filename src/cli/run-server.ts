import { access, constants, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { App, Serving } from "../app.ts";
import { describeListen, isLocal } from "../config/listen-address.ts";
import type { Config } from "../config/load.ts";
import { thisPlace } from "../config/place.ts";
import { resolveServe, type ServeConfig, type ServeFlags, type ServeToken } from "../config/serve.ts";
import { ensureServerToken, removeServerAddress, writeServerAddress } from "../config/server-address.ts";
import { AppError, toAppError } from "../errors.ts";
import { createServer } from "../server/app.ts";
import { createEngineLog } from "../server/engine-log.ts";
import { createEventLog } from "../server/event-log.ts";
import { createInFlight } from "../server/in-flight.ts";
import { type Answer, listen } from "../server/listen.ts";
import { createLog, logForm, type ServerLog } from "../server/log.ts";
import { createMetrics } from "../server/metrics.ts";
import { buildSettings, type ServerSettings } from "../server/settings.ts";
import type { CommandContext } from "./context.ts";
import { whoListens } from "./server/own-server.ts";

/** Bytes of the disk below which nothing more is taken. */
const LEAST_FREE = 64 * 1024 ** 2;
const HEARTBEAT_MS = 15_000;
/** Answers that are nearly done get out even when there is no grace. */
const LAST_ANSWERS_MS = 1000;

/** What a reload replaces, all at once. */
interface Loaded {
  readonly config: Config;
  readonly serve: ServeConfig;
  readonly settings: ServerSettings;
  readonly outbox: Awaited<ReturnType<App["outboxConfig"]>>;
}

/** Serves until the context's signal is aborted. Fails with `config`, `usage` or `state` before it serves. */
export async function runServer({ io, globals }: CommandContext, flags: ServeFlags): Promise<void> {
  const log = createLog({
    form: logForm(globals.logFormat, io.env, io.stderr.isTTY === true),
    from: globals.verbose ? "debug" : globals.quiet ? "error" : "info",
    write: (line) => io.stderr.write(line),
  });
  // A configuration that changes while the server starts may have been read already.
  let hungUp = false;
  io.onHangup?.(() => {
    hungUp = true;
  });
  const metrics = createMetrics();
  const tellEngine = createEngineLog(log);
  await using app = await io.openApp({
    flags: { config: globals.config, stateDir: globals.stateDir },
    env: io.env,
    command: "hoist serve",
    history: true,
    listen: (event, job) => {
      tellEngine(event, job);
      metrics.observe(event);
    },
    log: (message) => log.debug("engine", message),
  });
  const read = async (config: Config): Promise<Loaded> => readAll(app, config, flags, io, log);
  let now = await read(app.config);
  const { stateDir } = app.config;
  const inFlight = createInFlight();
  const begun = Promise.withResolvers<Answer>();
  let answer: Answer = async (request, server) => (await begun.promise)(request, server);
  // First of all the address: what is wrong with it is told before anything has begun. Who is too early waits.
  const listening = await listen(now.serve.listen, now.serve.socketMode, (request, server) =>
    inFlight.track(answer(request, server)),
  ).catch(async (failure) => {
    throw await whoListens(app, now.serve.listen, failure);
  });
  let stopEngine: ((graceMs: number) => Promise<void>) | null = null;
  try {
    const serving = await app.serve({
      settings: () => ({
        to: now.config.up.to,
        rewrite: now.serve.rewrite,
        maxQueue: now.serve.maxQueue,
        keepMs: now.serve.keepMs,
        roots: now.settings.allRoots.map(({ path }) => path),
      }),
      outbox: () => now.outbox,
      parallel: now.serve.parallel,
      log: (level, message, fields) => log[level]("outbox", message, fields),
    });
    stopEngine = (graceMs) => {
      stopEngine = null;
      return serving.stop(graceMs);
    };
    using events = createEventLog(serving.jobs);
    const closing = new AbortController();
    const hono = createServer({
      jobs: serving.jobs,
      settings: () => now.settings,
      wire: () => listening.wire,
      draining: () => io.signal.aborted,
      closing: closing.signal,
      unready: () => whyUnready(stateDir, serving),
      rememberMessage: serving.rememberMessage,
      spoolDirectory: serving.spoolDirectory,
      events,
      metrics,
      log,
      heartbeatMs: HEARTBEAT_MS,
    });
    answer = (request, server) => hono.fetch(request, { server });
    begun.resolve(answer);
    await tellTestKeys(app.config, log);
    await writeServerAddress(stateDir, { url: listening.localUrl });
    log.info("listening", `listening on ${listening.url}`);
    const reloadNow = () => {
      void reload(app, log, async (config) => {
        now = await read(config);
        // Whose token has gone must not go on listening.
        events.end();
      }).then(() => serving.reconfigured());
    };
    io.onHangup?.(reloadNow);
    if (hungUp) reloadNow();

    await aborted(io.signal);
    const until = performance.now() + now.serve.graceMs;
    log.info("draining", `stopping: nothing new is taken, uploads may go on for ${now.serve.graceMs / 1000} s`);
    await stopEngine(now.serve.graceMs);
    closing.abort();
    events.end();
    await inFlight.idle(Math.max(LAST_ANSWERS_MS, until - performance.now()));
    log.info("stopped", "stopped");
  } finally {
    await stopEngine?.(0);
    await listening.stop();
    await removeServerAddress(stateDir, listening.localUrl).catch(() => {});
  }
}

async function readAll(
  app: App,
  config: Config,
  flags: ServeFlags,
  { env }: Pick<CommandContext["io"], "env">,
  log: ServerLog,
): Promise<Loaded> {
  const serve = await resolveServe({ section: config.serve, configPath: config.path, place: thisPlace(env), flags });
  const tokens = serve.tokens.length > 0 ? serve.tokens : [await ownToken(config.stateDir, serve, log)];
  const settings = await buildSettings({ config, serve, tokens, env });
  const outbox = await app.outboxConfig(config, serve);
  for (const warning of [...config.warnings, ...serve.warnings]) log.warn("config", warning);
  if (!isLocal(serve.listen)) {
    log.warn("config", `${describeListen(serve.listen)} is not encrypted: put a reverse proxy with TLS in front of it`);
  }
  return { config, serve, settings, outbox };
}

async function tellTestKeys({ accounts }: Config, log: ServerLog): Promise<void> {
  for (const account of accounts.values()) {
    const secrets = account.host.accepts.includes("apiKey") ? await account.secretSources() : [];
    if (secrets.length === 0 || secrets.some(({ secret }) => secret === "apiKey")) continue;
    log.warn("test-key", `${account.host.title} is called with its published test key, which may stop any day`, {
      account: account.name,
    });
  }
}

async function ownToken(stateDir: string, serve: ServeConfig, log: ServerLog): Promise<ServeToken> {
  const { token, path } = await ensureServerToken(stateDir);
  log.info("token", `no token is configured; the one in ${path} is let in`);
  return { name: "own", secret: token, scopes: ["submit", "read", "manage"], roots: serve.roots };
}

const KEPT_UNTIL_RESTART = "listen, socket_mode, parallel, and limit_rate and retries of [up]";

async function reload(app: App, log: ServerLog, accept: (config: Config) => Promise<void>): Promise<void> {
  try {
    await app.reload(accept);
    log.info("reloaded", `configuration and secrets are loaded again; ${KEPT_UNTIL_RESTART} need a restart`);
  } catch (thrown) {
    const { message } = toAppError(thrown);
    log.error("reload.failed", `the new configuration is wrong, the old one stays: ${message}`);
  }
}

/** Null when jobs can be stored. */
async function whyUnready(stateDir: string, { jobs, assertLasting }: Serving): Promise<string | null> {
  try {
    await assertLasting();
    await access(stateDir, constants.W_OK);
    await access(join(stateDir, "hoist.db"), constants.W_OK);
    const { bavail, bsize } = await statfs(stateDir);
    if (bavail * bsize < LEAST_FREE) return "the disk is full";
    await jobs.accounts();
    return null;
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : toAppError(thrown).message;
    return thrown instanceof AppError ? thrown.message : `the state directory cannot be written to (${code})`;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
