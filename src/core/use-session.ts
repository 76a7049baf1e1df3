import { toAppError } from "../errors.ts";
import type { HostSession } from "../hosts/host.ts";
import type { Account } from "./account.ts";
import { createAccountGate } from "./account-gate.ts";
import type { EngineListener } from "./events.ts";
import type { RunOptions } from "./inputs.ts";
import { openSession, type SessionWorld } from "./sessions.ts";

/**
 * Something with an account that is no upload, and is tried once. What the host holds against the account counts here
 * as it does for uploads, and is remembered for them. Fails with what `work` fails with, `host_auth` or `rate_limited`.
 */
export async function useSession<T>(
  account: Account,
  world: SessionWorld & { readonly listen: EngineListener },
  timeouts: Pick<RunOptions, "idleTimeoutMs" | "answerTimeoutMs">,
  work: (session: HostSession) => Promise<T>,
): Promise<T> {
  const gate = createAccountGate(account, { ...world, waitCoolDownMs: 0 });
  const verdict = await gate.judge("begun");
  if (verdict.kind === "stop") throw verdict.error;
  try {
    return await work(await openSession(account, world, timeouts));
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === "host_auth") await gate.refused(error);
    if (error.retry.coolDownMs !== undefined) await gate.coolDown(error.retry.coolDownMs);
    throw error;
  }
}
