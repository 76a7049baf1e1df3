import type { StoreContext } from "./context.ts";
import { PAGE } from "./pages.ts";

const DUE = "state = 'queued' AND due_at IS NOT NULL AND due_at <= $now";

/**
 * Uploads whose time has come queue like any other from here on: no claim has to look through those that rest. Of
 * thousands that become due at once each call takes some. Inside a write.
 */
export function wakeDue({ sql, now }: StoreContext): void {
  sql(
    `UPDATE uploads SET due_at = NULL, waiting_for = NULL
     WHERE seq IN (SELECT seq FROM uploads WHERE ${DUE} ORDER BY due_at LIMIT ${PAGE})`,
  ).run({ now: now() });
}

/** Lets states be read as the clock has them; those that cannot be written are read as they are. */
export async function wakeAllDue(context: StoreContext): Promise<void> {
  const { sql, access, now } = context;
  const isAnyDue = () => sql(`SELECT 1 FROM uploads WHERE ${DUE} LIMIT 1`).get({ now: now() }) !== null;
  try {
    while (await access.read(isAnyDue)) await access.write(() => wakeDue(context));
  } catch {
    // Whoever has to write will tell.
  }
}
