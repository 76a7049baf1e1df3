import { AppError, toAppError } from "../../errors.ts";
import type { AccountInfo } from "../../hosts/host.ts";
import { RESUMED } from "../job-store.ts";
import type { Account } from "./account.ts";
import { createAccountGate } from "./account-gate.ts";
import { isPausedForRefusal } from "./account-standing.ts";
import { openSession } from "./sessions.ts";
import type { Timeouts, UseWorld } from "./use-session.ts";

/**
 * Logs in, also where an earlier login was refused, and remembers for all uploads how it went: a success also ends the
 * pause that a server made of the refusal. Fails with `host_auth`, `rate_limited` (also while the account rests, without a
 * call), `state` while a person has paused it, or `usage` where the host tells nothing.
 */
export async function checkAccount(
  account: Account,
  world: UseWorld,
  timeouts: Timeouts,
  signal: AbortSignal,
): Promise<AccountInfo> {
  const session = await openSession(account, world, timeouts);
  if (session.check === undefined) {
    throw new AppError("usage", `${account.host.title} cannot tell anything about an account`);
  }
  const gate = createAccountGate(account, { ...world, waitCoolDownMs: 0 });
  const isHeld = async () => isPausedForRefusal(await world.store.account(account.key));
  const verdict = await gate.judge((await isHeld()) ? "begun" : undefined);
  // A refused login is what a check is for; a cool-down is not to be disturbed.
  if (verdict.kind === "stop" && verdict.keep) throw verdict.error;
  try {
    const info = await session.check(signal);
    if (await isHeld()) await world.store.saveAccount(account.key, (now) => (isPausedForRefusal(now) ? RESUMED : {}));
    await gate.succeeded();
    return info;
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === "host_auth") await gate.refused(error);
    if (error.retry.coolDownMs === undefined) throw error;
    await gate.coolDown(error.retry.coolDownMs);
    throw await gate.resting(error);
  }
}
