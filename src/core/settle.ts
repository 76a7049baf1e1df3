import { stat } from "node:fs/promises";
import { identityOf } from "../io/source.ts";
import type { SourceRecord } from "./job-store.ts";

/** Null: the file is as it was `settleMs` ago, or cannot be looked at, which its upload will fail with. */
export type Unsettled = {
  /** As it is now. */
  readonly source: SourceRecord;
  /** When to look again, milliseconds since the epoch. */
  readonly lookAt: number;
} | null;

/** Whether a file, last looked at `settleMs` ago, has stood still since. */
export async function lookWhetherSettled(known: SourceRecord, settleMs: number): Promise<Unsettled> {
  const stats = await stat(known.path, { bigint: true }).catch(() => null);
  if (stats === null) return null;
  const { size, mtimeNs, inode } = identityOf(stats);
  if (size === known.size && mtimeNs === known.mtimeNs && inode === known.inode) return null;
  return { source: { ...known, size, mtimeNs, inode }, lookAt: Date.now() + settleMs };
}
