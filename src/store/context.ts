import type { OwnerInfo } from "../core/job-store.ts";
import type { Statements } from "./connection.ts";
import type { Access } from "./group-commit.ts";
import type { Owners } from "./owners.ts";

/** What every part of the store works with. */
export interface StoreContext {
  readonly sql: Statements;
  readonly access: Access;
  readonly owner: OwnerInfo;
  readonly owners: Owners;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}
