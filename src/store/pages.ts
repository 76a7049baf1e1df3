import type { UploadRecord } from "../core/job-store.ts";
import type { Bindings } from "./connection.ts";
import type { StoreContext } from "./context.ts";
import { parseUpload, UPLOAD_COLUMNS, UPLOADS } from "./rows.ts";

/** Rows read at a time; between two pages other work goes on. */
export const PAGE = 500;

export interface PageQuery {
  readonly where: string;
  readonly values: Bindings;
  /** Columns that an index has in this order; rows equal in all of them follow in the order they were made. */
  readonly order: readonly string[];
  readonly descending?: boolean;
}

/** Uploads a page at a time, each page from where the last one ended: rows may change meanwhile. */
export async function* pages({ sql, access }: StoreContext, query: PageQuery): AsyncGenerator<UploadRecord> {
  const columns = [...query.order, "seq"];
  const direction = query.descending === true ? "DESC" : "ASC";
  const select = `SELECT ${UPLOAD_COLUMNS} FROM ${UPLOADS} WHERE ${query.where}`;
  const order = `ORDER BY ${columns.map((column) => `uploads.${column} ${direction}`).join(", ")} LIMIT ${PAGE}`;
  const beyond = `AND (${columns.map((column) => `uploads.${column}`).join(", ")})
    ${query.descending === true ? "<" : ">"} (${columns.map((column) => `$last_${column}`).join(", ")})`;
  let text = `${select} ${order}`;
  let last: Bindings = {};
  for (;;) {
    const rows = await access.read(() => sql<Bindings>(text).all({ ...query.values, ...last }));
    for (const row of rows) yield parseUpload(row);
    const end = rows.at(-1);
    if (end === undefined || rows.length < PAGE) return;
    text = `${select} ${beyond} ${order}`;
    last = Object.fromEntries(columns.map((column) => [`last_${column}`, end[column] ?? null]));
  }
}
