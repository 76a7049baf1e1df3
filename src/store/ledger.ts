import type { HistoryQuery, JobStore, SourceRecord, UploadRecord } from "../core/job-store.ts";
import type { Bindings } from "./connection.ts";
import type { StoreContext } from "./context.ts";
import { pages } from "./pages.ts";
import { parseUpload, UPLOAD_COLUMNS, UPLOADS } from "./rows.ts";

type Destination = Pick<UploadRecord, "accountKey" | "folder">;

/** Looking uploads up. */
export function ledger(context: StoreContext) {
  const { sql, access } = context;

  const one = (rest: string, values: Bindings): Promise<UploadRecord | null> =>
    access.read(() => {
      const row = sql(`SELECT ${UPLOAD_COLUMNS} FROM ${UPLOADS} WHERE ${rest} LIMIT 1`).get(values);
      return row === null ? null : parseUpload(row);
    });

  const all = (rest: string, values: Bindings): UploadRecord[] =>
    sql(`SELECT ${UPLOAD_COLUMNS} FROM ${UPLOADS} WHERE ${rest}`).all(values).map(parseUpload);

  return {
    get: (id: string) => one("uploads.id = $id", { id }),

    uploadsOf: (runId: string) =>
      pages(context, {
        where: "uploads.run = (SELECT seq FROM runs WHERE id = $runId)",
        values: { runId },
        order: ["source_index", "destination_index"],
      }),

    async siblings(id: string) {
      const found = await access.read((): readonly UploadRecord[] => {
        const origin = sql<{ job: number | null; run: number; source: number }>(
          `SELECT job, coalesce(origin_run, run) AS run, coalesce(origin_source_index, source_index) AS source
           FROM uploads WHERE id = $id`,
        ).get({ id });
        if (origin === null) return [];
        const { job, run, source } = origin;
        if (job !== null) return all("job = $job ORDER BY destination_index", { job });
        const stayed = all("uploads.run = $run AND source_index = $source AND origin_run IS NULL", { run, source });
        const moved = all("origin_run = $run AND origin_source_index = $source", { run, source });
        return [...stayed, ...moved].sort((a, b) => a.destinationIndex - b.destinationIndex);
      });
      // Files are deleted on their word.
      await access.lasting();
      return found;
    },

    history: (query: HistoryQuery) =>
      pages(context, {
        ...historyCondition(query),
        order: ["finished_at"],
        descending: query.newestFirst === true,
      }),

    findDone: async ({ accountKey, folder, source }: Destination & { readonly source: SourceRecord }) =>
      source.path === "-" || source.mtimeNs === null
        ? null
        : one(
            `uploads.state = 'done' AND skipped = 0 AND source_path = $path AND source_size = $size
               AND source_mtime_ns = $mtimeNs AND account_key = $accountKey AND folder IS $folder
             ORDER BY finished_at DESC, uploads.seq DESC`,
            { path: source.path, size: source.size, mtimeNs: source.mtimeNs, accountKey, folder },
          ),

    findDoneByContent: async ({ accountKey, folder, size, md5 }: Destination & { size: number; md5: string }) => {
      const found = await one(
        `md5 = $md5 AND account_key = $accountKey AND folder IS $folder ORDER BY finished_at DESC, uploads.seq DESC`,
        { md5, accountKey, folder },
      );
      return found?.outcome?.ok === true && found.outcome.size === size ? found : null;
    },
  } satisfies Partial<JobStore>;
}

function historyCondition({ since, until, account, label, failed }: HistoryQuery) {
  const conditions = ["finished_at IS NOT NULL", "skipped = 0"];
  const values: Bindings = {};
  const add = (condition: string, value: Bindings) => {
    conditions.push(condition);
    Object.assign(values, value);
  };
  if (since !== undefined) add("finished_at >= $since", { since });
  if (until !== undefined) add("finished_at <= $until", { until });
  if (account !== undefined) add("account = $account", { account });
  if (failed === true) add("state <> 'done'", {});
  for (const [index, [key, value]] of Object.entries(label ?? {}).entries()) {
    const each = `each.key = $key${index} AND each.value = $value${index}`;
    add(`EXISTS (SELECT 1 FROM json_each(labels) AS each WHERE ${each})`, {
      [`key${index}`]: key,
      [`value${index}`]: value,
    });
  }
  return { where: conditions.join(" AND "), values };
}
