import type { Account } from "./account.ts";
import type { EngineListener } from "./events.ts";
import { createTally } from "./exit-code.ts";
import type { UploadRecord } from "./job-store.ts";
import { exitOfStop } from "./stop.ts";
import type { UploadsWorld } from "./up.ts";
import type { SummaryView } from "./views.ts";

/** A world whose listener counts outcomes. */
export interface Reporting extends UploadsWorld {
  /** Tells `ended` of an upload once everything is planned. */
  later(upload: UploadRecord): void;
  /** Everything is looked at: tells so, then what has ended already. */
  planned(uploads: number, destinations: number, bytes: number): void;
  summary(signal: AbortSignal): SummaryView;
}

export function createReporting(world: UploadsWorld): Reporting {
  const startedAt = performance.now();
  const tally = createTally();
  const early: UploadRecord[] = [];
  const listen: EngineListener = (event) => {
    if (event.type === "ended") tally.add(event.upload);
    world.listen(event);
  };
  return {
    ...world,
    listen,
    later: (upload) => early.push(upload),
    planned(uploads, destinations, bytes) {
      listen({ type: "planned", uploads, destinations, bytes });
      for (const upload of early.splice(0)) listen({ type: "ended", upload });
    },
    summary: (signal) => tally.summary(Math.round(performance.now() - startedAt) / 1000, exitOfStop(signal)),
  };
}

export function byKey(accounts: ReadonlyMap<string, Account>): ReadonlyMap<string, Account> {
  return new Map([...accounts.values()].map((account) => [account.key, account]));
}
