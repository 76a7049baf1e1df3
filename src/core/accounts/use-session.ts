import { toAppError } from "../../errors.ts";
import type { HostSession } from "../../hosts/host.ts";
import type { EngineListener } from "../events.ts";
import type { RunOptions } from "../inputs.ts";
import type { Account } from "./account.ts";
import { createAccountGate } from "./account-gate.ts";
import { noteRetry } from "./repeat.ts";
import { openSession, type SessionWorld } from "./sessions.ts";
import { steadyFolders } from "./steady.ts";

export interface UseWorld extends SessionWorld {
  readonly listen: EngineListener;
}

export type Timeouts = Pick<RunOptions, "idleTimeoutMs" | "answerTimeoutMs">;

/**
 * Something with an account that is no upload. What is asked of its folders is repeated as far as that is safe. What the
 * host holds against the account counts here as it does for uploads, and is remembered for them. Fails with what `work`
 * fails with, `host_auth` or `rate_limited`.
 */
export async function useSession<T>(
  account: Account,
  world: UseWorld,
  timeouts: Timeouts,
  work: (session: HostSession) => Promise<T>,
): Promise<T> {
  const gate = createAccountGate(account, { ...world, waitCoolDownMs: 0 });
  const verdict = await gate.judge("begun");
  if (verdict.kind === "stop") throw verdict.error;
  try {
    return await work(withSteadyFolders(await openSession(account, world, timeouts), account, world));
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === "host_auth") await gate.refused(error);
    if (error.retry.coolDownMs === undefined) throw error;
    await gate.coolDown(error.retry.coolDownMs);
    throw await gate.resting(error);
  }
}

function withSteadyFolders(session: HostSession, account: Account, { retryBaseMs, listen }: UseWorld): HostSession {
  if (session.folders === undefined) return session;
  const onRetry = noteRetry(account, listen);
  return { ...session, folders: steadyFolders(session.folders, { retryBaseMs, onRetry }) };
}
