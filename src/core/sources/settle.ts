import { stat } from "node:fs/promises";
import { isSameFile } from "../../io/same-file.ts";
import { identityOf } from "../../io/source.ts";
import type { SourceRecord } from "../job-store.ts";

export type Look =
  /** As it was `settleMs` ago. */
  | { readonly kind: "still" }
  /** Not as it was. */
  | {
      readonly kind: "moving";
      /** As it is now. */
      readonly source: SourceRecord;
      /** When to look again, milliseconds since the epoch. */
      readonly lookAt: number;
    }
  /** It cannot be looked at, which its upload will fail with. */
  | { readonly kind: "gone" };

/** Whether a file, last looked at `settleMs` ago, has stood still since. */
export async function lookWhetherSettled(known: SourceRecord, settleMs: number): Promise<Look> {
  const stats = await stat(known.path, { bigint: true }).catch(() => null);
  if (stats === null) return { kind: "gone" };
  const now = identityOf(stats);
  if (isSameFile(known, now)) return { kind: "still" };
  return { kind: "moving", source: { ...known, ...now }, lookAt: Date.now() + settleMs };
}
