import { existsSync } from "node:fs";
import { join } from "node:path";
import type { NewUpload } from "../core/job-store.ts";
import type { ServeStore } from "../core/serve-store.ts";
import { accounts } from "./accounts.ts";
import { addUploads } from "./add-uploads.ts";
import { connect, statements } from "./connection.ts";
import type { StoreContext } from "./context.ts";
import { fingerprints } from "./fingerprint.ts";
import { groupCommit } from "./group-commit.ts";
import { lanes } from "./lanes.ts";
import { ledger } from "./ledger.ts";
import { type DataSync, syncLog } from "./log-sync.ts";
import { owners } from "./owners.ts";
import { DATABASE_FILE } from "./private-files.ts";
import { queue } from "./queue.ts";
import { resumption } from "./resumption.ts";
import { runs, settleDead } from "./runs.ts";
import { samePlace } from "./same-place.ts";
import { serving } from "./serve/serving.ts";

const HEARTBEAT_MS = 5_000;

export interface StoreOptions {
  /** Made with its parents where it is missing; null keeps everything in memory and nothing beyond the process. */
  readonly directory: string | null;
  /** What a person would recognise this process by: "hoist up". */
  readonly command: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Nothing is taken for recorded once the files are gone from their directory; else an upload goes on without them. */
  readonly mustStay?: boolean;
  /** How the disk is waited for. */
  readonly fdatasync?: DataSync;
}

/** Whether there ever was a store in the directory. */
export function isRecorded(directory: string): boolean {
  return existsSync(join(directory, DATABASE_FILE));
}

/** The store of a state directory. Fails with `state`. */
export function openStore({ directory, command, now = Date.now, mustStay, fdatasync }: StoreOptions): ServeStore {
  const { db, path, log } = connect(directory);
  const place = mustStay === true && path !== null ? samePlace() : undefined;
  if (path !== null) place?.remember(path);
  const disk = syncLog(log, fdatasync, place);
  const sql = statements(db);
  const known = owners(sql, command, now);
  const access = groupCommit(db, known.register, disk);
  const context: StoreContext = { sql, access, owner: known.info, owners: known, now };
  let committing: ReadonlySet<string> | null = null;
  // A lost beat is made good by the next one.
  const heart = setInterval(() => access.writeSoon(known.beat).catch(() => {}), HEARTBEAT_MS).unref();

  return {
    owner: known.info,
    recorded: path !== null,
    ...runs(context),
    ...queue(context),
    ...ledger(context),
    ...resumption(context),
    ...lanes(context),
    ...accounts(context),
    ...serving(context),
    fingerprint: fingerprints(directory, access),

    async assertLasting() {
      disk.look();
      if (disk.broken !== null) throw disk.broken;
    },

    recover: (committingHosts) => {
      committing = committingHosts;
      // What is lost of it is found again.
      return access.writeSoon(() => {
        known.bury();
        settleDead(context, committingHosts);
      });
    },

    addUploads: (runId: string, uploads: readonly NewUpload[]) =>
      access.writeSoon(() => {
        const living = known.bury();
        // An owner may have died since `recover`.
        if (committing !== null) settleDead(context, committing);
        return addUploads(context, runId, uploads, living);
      }),

    async [Symbol.asyncDispose]() {
      clearInterval(heart);
      // An owner that cannot say goodbye is found dead by the next.
      if (known.registered) await access.writeSoon(known.leave).catch(() => {});
      await access.close();
      sql.finalize();
      disk[Symbol.dispose]();
      db.close();
    },
  };
}
