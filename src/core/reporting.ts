import type { EngineListener } from "./events.ts";
import { createTally } from "./exit-code.ts";
import { exitOfStop } from "./stop.ts";
import type { UploadsWorld } from "./up.ts";
import type { SummaryView } from "./views.ts";

/** A world whose listener counts outcomes. */
export interface Reporting extends UploadsWorld {
  summary(signal: AbortSignal): SummaryView;
}

export function createReporting(world: UploadsWorld): Reporting {
  const startedAt = performance.now();
  const tally = createTally();
  const listen: EngineListener = (event) => {
    if (event.type === "ended") tally.add(event.upload);
    world.listen(event);
  };
  return {
    ...world,
    listen,
    summary: (signal) => tally.summary(Math.round(performance.now() - startedAt) / 1000, exitOfStop(signal)),
  };
}
