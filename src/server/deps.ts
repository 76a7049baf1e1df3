import type { Jobs } from "../core/serving/jobs.ts";
import type { EventLog } from "./event-log.ts";
import type { ServerLog } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { ServerSettings } from "./settings.ts";
import type { Wire } from "./wire.ts";

/** All that the routes need; no socket and nothing global. */
export interface ServerDeps {
  readonly jobs: Jobs;
  /** As configured now. */
  readonly settings: () => ServerSettings;
  readonly wire: () => Wire;
  readonly draining: () => boolean;
  /** Aborted when nobody who waits shall wait any longer. */
  readonly closing: AbortSignal;
  /** Why nothing can be stored now, for the log; null when all is well. */
  readonly unready: () => Promise<string | null>;
  /** Remembers a signed message's id; false when it is known already. Durable when it resolves. */
  readonly rememberMessage: (scope: string, id: string) => Promise<boolean>;
  /** Where bodies of files go. */
  readonly spoolDirectory: string;
  readonly events: EventLog;
  readonly metrics: Metrics;
  readonly log: ServerLog;
  /** Milliseconds between the comments that keep a quiet event stream open. */
  readonly heartbeatMs: number;
}
