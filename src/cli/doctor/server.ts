import { AppError, toAppError } from "../../errors.ts";
import type { CommandContext } from "../context.ts";
import { openServer } from "../server/server-client.ts";
import { type Finding, look } from "./finding.ts";

/** Whether a running server takes jobs now; whatever keeps it from that is temporary. */
export function readiness(context: CommandContext, server: string | undefined): Promise<Finding> {
  return look("server", async () => {
    const client = await openServer(context, server);
    try {
      await client.json({ method: "GET", path: "/readyz" });
      return { state: "ok", text: `${client.where} is ready` };
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.exit === TEMPORARY) throw error;
      throw new AppError("draining", `${client.where} is not ready: ${error.message}`, { hint: error.hint });
    }
  });
}

const TEMPORARY = 5;
