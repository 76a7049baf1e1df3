import { AppError } from "../../errors.ts";
import type { HostEnv, HostSession } from "../../hosts/host.ts";
import type { RunOptions } from "../inputs.ts";
import type { JobStore } from "../job-store.ts";
import { sleep } from "../retry.ts";
import type { Account } from "./account.ts";
import { createRedactor, redactError, redactSession } from "./redaction.ts";

/** What a session needs from the world. */
export interface SessionWorld {
  readonly store: JobStore;
  readonly fetch: typeof fetch;
  /** Milliseconds. */
  readonly retryBaseMs: number;
  readonly log: (message: string) => void;
}

type Timeouts = Pick<RunOptions, "idleTimeoutMs" | "answerTimeoutMs">;

/** The last of those who wait for a lock in this process, by its name: shared by an account's sessions. */
type Turns = Map<string, Promise<unknown>>;

const ANSWER_TIMEOUT_MS = 10 * 60_000;
const ANSWER_TIMEOUT_MS_PER_GIB = 60_000;
const GIB = 1024 ** 3;
/** How often a lock held by another process is asked for again. */
const LOCK_POLL_MS = 50;

/** The session of an account, and what it was opened with. */
interface Opened {
  readonly account: Account;
  readonly secrets: string;
  readonly session: Promise<HostSession>;
}

/**
 * Opens each account once, and again when anything about it is configured anew: a login costs, and is counted by some
 * hosts. One that fails to open may be tried again.
 */
export function createSessions(world: SessionWorld, timeouts: Timeouts): (account: Account) => Promise<HostSession> {
  const known = new WeakMap<Account, Promise<HostSession>>();
  const opened = new Map<string, Opened>();
  const turns: Turns = new Map();

  /** A reload makes new accounts, most of which are as they were. */
  async function keepOrOpen(account: Account): Promise<HostSession> {
    const secrets = await secretsOf(account);
    const before = opened.get(account.key);
    if (before !== undefined && before.secrets === secrets && isSameDoor(before.account, account))
      return before.session;
    const session = openSession(account, world, timeouts, turns);
    opened.set(account.key, { account, secrets, session });
    session.catch(() => {
      if (opened.get(account.key)?.session === session) opened.delete(account.key);
    });
    return session;
  }

  return (account) => {
    const before = known.get(account);
    if (before !== undefined) return before;
    const session = keepOrOpen(account);
    known.set(account, session);
    session.catch(() => known.delete(account));
    return session;
  };
}

/** Accounts of one key have host and login in common. */
function isSameDoor(one: Account, other: Account): boolean {
  return (
    one.name === other.name &&
    one.host === other.host &&
    one.endpoint.baseUrl === other.endpoint.baseUrl &&
    one.endpoint.loopback === other.endpoint.loopback
  );
}

export async function openSession(
  account: Account,
  world: SessionWorld,
  timeouts: Timeouts,
  turns: Turns = new Map(),
): Promise<HostSession> {
  const credentials = await account.credentials();
  const { user: _, ...secrets } = credentials;
  const redact = createRedactor(Object.values(secrets));
  const env = createHostEnv(account, { ...world, log: (message) => world.log(redact(message)) }, timeouts, turns);
  try {
    return redactSession(await account.host.open(credentials, account.endpoint, env), redact);
  } catch (thrown) {
    throw redactError(thrown, redact);
  }
}

function createHostEnv(account: Account, world: SessionWorld, timeouts: Timeouts, turns: Turns): HostEnv {
  return {
    fetch: world.fetch,
    now: () => performance.now(),
    sleep,
    retryBaseMs: world.retryBaseMs,
    idleTimeoutMs: timeouts.idleTimeoutMs,
    answerTimeoutMs: (bytes) =>
      timeouts.answerTimeoutMs ?? ANSWER_TIMEOUT_MS + (bytes / GIB) * ANSWER_TIMEOUT_MS_PER_GIB,
    log: (message) => world.log(`${account.name}: ${message}`),
    exclusive(name, signal, work) {
      const lock = `${account.key} ${name}`;
      const turn = (turns.get(lock) ?? Promise.resolve()).then(() => withLock(world.store, lock, signal, work));
      turns.set(
        lock,
        turn.catch(() => {}),
      );
      return turn;
    },
  };
}

/** Tasks of this process take turns already: without a store that can be written, that much still holds. */
async function withLock<T>(store: JobStore, lock: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  let granted = false;
  while (!granted) {
    if (signal.aborted) throw new AppError("cancelled", "stopped while waiting");
    granted = await store.takeLock(lock).then(
      (grant) => grant.granted,
      () => true,
    );
    if (!granted) await sleep(LOCK_POLL_MS, signal);
  }
  try {
    if (signal.aborted) throw new AppError("cancelled", "stopped while waiting");
    return await work();
  } finally {
    await store.freeLock(lock).catch(() => {});
  }
}

/** What identifies an account's secrets to `JobStore.fingerprint`, so that a changed one is noticed. */
export async function secretsOf(account: Account): Promise<string> {
  const { user: _, ...secrets } = await account.credentials();
  return JSON.stringify(secrets, Object.keys(secrets).sort());
}
