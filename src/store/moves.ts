import type { StoreContext } from "./context.ts";
import type { RunRow } from "./runs.ts";

/** An upload's place in the run that takes it. */
export interface Place {
  readonly seq: number;
  readonly sourceIndex: number;
  readonly destinationIndex: number;
  /** Where its source was named; null when that is the run itself. */
  readonly originRun: number | null;
  readonly originSourceIndex: number | null;
}

/** Takes an open upload into a run, queued again, with its phase and checkpoint. Inside a write. */
export function move(context: StoreContext, run: RunRow, place: Place): void {
  remember(context, run, place.seq);
  context
    .sql(
      `UPDATE uploads SET run = $run, source_index = $sourceIndex, destination_index = $destinationIndex,
         origin_run = $originRun, origin_source_index = $originSourceIndex, state = 'queued', outcome = NULL,
         reported = 0, finished_at = NULL, resumable = 0
       WHERE seq = $seq`,
    )
    .run({ ...place, run: run.seq });
}

/** Keeps what an upload is, so that it can be put back when the run is dropped before it is opened. */
export function remember({ sql }: StoreContext, run: RunRow, seq: number): void {
  sql(
    `INSERT OR REPLACE INTO moves (upload, to_run, run, source_index, destination_index, origin_run, origin_source_index, account,
       labels, state, outcome, reported, finished_at, resumable)
     SELECT seq, $run, run, source_index, destination_index, origin_run, origin_source_index, account, labels, state,
       outcome, reported, finished_at, resumable
     FROM uploads WHERE seq = $seq`,
  ).run({ run: run.seq, seq });
}
