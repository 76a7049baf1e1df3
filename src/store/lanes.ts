import type { JobStore, LaneGrant, OwnerInfo } from "../core/job-store.ts";
import type { StoreContext } from "./context.ts";

/** Lanes and locks, shared by all processes: rows that go with their owner's. */
export function lanes({ sql, access, owner, owners }: StoreContext) {
  const held = (accountKey: string) =>
    sql<{ owner_id: string }>("SELECT owner_id FROM lanes WHERE account_key = $accountKey ORDER BY rowid").all({
      accountKey,
    });
  const holderOf = (name: string) =>
    sql<{ owner_id: string }>("SELECT owner_id FROM locks WHERE name = $name").get({ name });

  return {
    takeLane: (accountKey: string, capacity: number) =>
      access.writeSoon((): LaneGrant => {
        let living: ReadonlyMap<string, OwnerInfo> | null = null;
        let taken = held(accountKey);
        if (taken.length >= capacity) {
          living = owners.bury();
          taken = held(accountKey);
        }
        if (taken.length >= capacity) return { granted: false, owner: living?.get(taken[0]?.owner_id ?? "") ?? null };
        sql("INSERT INTO lanes (account_key, owner_id) VALUES ($accountKey, $owner)").run({
          accountKey,
          owner: owner.id,
        });
        return { granted: true };
      }),

    freeLane: (accountKey: string) =>
      access.writeSoon(() => {
        sql(
          `DELETE FROM lanes WHERE rowid =
             (SELECT rowid FROM lanes WHERE account_key = $accountKey AND owner_id = $owner LIMIT 1)`,
        ).run({ accountKey, owner: owner.id });
      }),

    laneOwners: (accountKey: string) =>
      access.read(() => {
        const living = owners.living();
        return held(accountKey).flatMap(({ owner_id }) => living.get(owner_id) ?? []);
      }),

    takeLock: (name: string) =>
      access.writeSoon((): LaneGrant => {
        const living = owners.bury();
        const holder = holderOf(name);
        if (holder !== null) return { granted: false, owner: living.get(holder.owner_id) ?? null };
        sql("INSERT INTO locks (name, owner_id) VALUES ($name, $owner)").run({ name, owner: owner.id });
        return { granted: true };
      }),

    freeLock: (name: string) =>
      access.writeSoon(() => {
        sql("DELETE FROM locks WHERE name = $name AND owner_id = $owner").run({ name, owner: owner.id });
      }),

    lockOwner: (name: string) => access.read(() => owners.living().get(holderOf(name)?.owner_id ?? "") ?? null),
  } satisfies Partial<JobStore>;
}
