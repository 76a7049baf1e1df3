import type { App } from "../../app.ts";
import { describeListen, type ListenAddress } from "../../config/listen-address.ts";
import { readServerAddress } from "../../config/server-address.ts";
import { SERVER_LOCK } from "../../core/serving/server-engine.ts";
import { AppError } from "../../errors.ts";
import { localUrlOf } from "../../server/listen.ts";

/** Why an address is not to be had, where it is this state directory's own server that has it; else `failure`. */
export async function whoListens(app: App, address: ListenAddress, failure: unknown): Promise<unknown> {
  try {
    const own = await readServerAddress(app.config.stateDir);
    if (own?.url !== localUrlOf(address)) return failure;
    // The address of a server that was killed stays; what it holds does not.
    const owner = await (await app.store()).lockOwner(SERVER_LOCK);
    if (owner === null) return failure;
    const where = describeListen(address);
    return new AppError(
      "state",
      `a hoist serve of this state directory (process ${owner.pid}) is still running on ${where}`,
      {
        hint: "use that one, or stop it and start this again when it has ended",
        cause: failure,
      },
    );
  } catch {
    return failure;
  }
}
