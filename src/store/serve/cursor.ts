import { AppError } from "../../errors.ts";

/** Where a page of jobs ended, for a client that is to read nothing into it. */
export function writeCursor(seq: number): string {
  return Buffer.from(`j${seq}`).toString("base64url");
}

/** Fails with `usage` for anything that `writeCursor` does not write. */
export function parseCursor(cursor: string): number {
  const seq = Number(/^j([1-9]\d{0,15})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"))?.[1]);
  if (Number.isSafeInteger(seq) && writeCursor(seq) === cursor) return seq;
  throw new AppError("usage", "the cursor is not one that was given out", {
    hint: "take it from the page before, unchanged, or leave it out",
  });
}
