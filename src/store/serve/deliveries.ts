import type { Delivery, ServeStore } from "../../core/serve-store.ts";
import type { StoreContext } from "../context.ts";

interface DeliveryRow {
  readonly id: string;
  readonly channel: string;
  readonly url: string;
  readonly body: string;
  readonly created_at: number;
  readonly tries: number;
}

/** The outbox. */
export function deliveries({ sql, access, now }: StoreContext) {
  return {
    enqueueDelivery: ({ channel, url, body }: Pick<Delivery, "channel" | "url" | "body">) =>
      access.write(() => {
        sql(
          `INSERT INTO deliveries (id, channel, url, body, created_at, due_at)
           VALUES ($id, $channel, $url, $body, $now, $now)`,
        ).run({ id: Bun.randomUUIDv7(), channel, url, body, now: now() });
      }),

    dueDeliveries: (limit: number) =>
      access.read((): readonly Delivery[] => {
        const rows = sql<DeliveryRow>(
          "SELECT * FROM deliveries WHERE due_at <= $now ORDER BY due_at, seq LIMIT $limit",
        ).all({ now: now(), limit });
        return rows.map(({ id, channel, url, body, tries, created_at }) => ({
          id,
          channel,
          url,
          body,
          createdAt: created_at,
          tries,
        }));
      }),

    nextDelivery: () =>
      access.read(() => sql<{ at: number | null }>("SELECT min(due_at) AS at FROM deliveries").get({})?.at ?? null),

    settleDelivery: (id: string, dueAt: number | null) =>
      access.write(() => {
        if (dueAt === null) sql("DELETE FROM deliveries WHERE id = $id").run({ id });
        else {
          sql("UPDATE deliveries SET tries = tries + 1, due_at = $dueAt WHERE id = $id").run({
            id,
            dueAt: Math.ceil(dueAt),
          });
        }
      }),
  } satisfies Partial<ServeStore>;
}
