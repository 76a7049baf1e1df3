import type { ServeStore } from "../../core/serve-store.ts";
import type { StoreContext } from "../context.ts";

/** How long request keys and message ids are remembered, in milliseconds. */
export const REMEMBERED_MS = 30 * 24 * 60 * 60_000;

export function messages({ sql, access, now }: StoreContext) {
  return {
    rememberMessage: (scope: string, id: string) =>
      access.write(() => {
        const { changes } = sql(
          `INSERT INTO messages (scope, id, created_at) VALUES ($scope, $id, $now)
           ON CONFLICT DO UPDATE SET created_at = $now WHERE created_at <= $since`,
        ).run({ scope, id, now: now(), since: now() - REMEMBERED_MS });
        return changes > 0;
      }),
  } satisfies Partial<ServeStore>;
}
