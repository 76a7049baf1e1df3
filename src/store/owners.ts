import type { OwnerInfo } from "../core/job-store.ts";
import type { Statements } from "./connection.ts";
import { isRunning, thisProcess } from "./process.ts";

/** The processes that use this database. What changes rows must run inside a write. */
export interface Owners {
  /** This process. */
  readonly info: OwnerInfo;
  /** Whether this process has ever written. */
  readonly registered: boolean;
  /** Makes this process known, once more if others took it for dead. */
  register(): void;
  beat(): void;
  /** Forgets this process; its lanes and locks go with it. */
  leave(): void;
  /** By id. Only looks. */
  living(): ReadonlyMap<string, OwnerInfo>;
  /** Forgets dead processes, with their lanes and locks, and tells which are left. */
  bury(): ReadonlyMap<string, OwnerInfo>;
}

interface OwnerRow {
  readonly id: string;
  readonly command: string;
  readonly pid: number;
  readonly boot_id: string | null;
  readonly pid_namespace: string | null;
  readonly start_time: string | null;
  readonly started_at: number;
  readonly heartbeat_at: number;
}

export function owners(sql: Statements, command: string, now: () => number): Owners {
  const self = thisProcess();
  const info: OwnerInfo = { id: Bun.randomUUIDv7(), pid: self.pid, startedAt: now(), command };

  let registered = false;

  function sorted(): { readonly alive: ReadonlyMap<string, OwnerInfo>; readonly dead: readonly string[] } {
    const alive = new Map<string, OwnerInfo>();
    const dead: string[] = [];
    for (const row of sql<OwnerRow>("SELECT * FROM owners").all({})) {
      const other = {
        pid: row.pid,
        bootId: row.boot_id,
        pidNamespace: row.pid_namespace,
        startTime: row.start_time,
      };
      if (row.id === info.id || isRunning(other, self, now() - row.heartbeat_at)) {
        alive.set(row.id, { id: row.id, pid: row.pid, startedAt: row.started_at, command: row.command });
      } else {
        dead.push(row.id);
      }
    }
    return { alive, dead };
  }

  return {
    info,

    get registered() {
      return registered;
    },

    register() {
      registered = true;
      if (sql("SELECT 1 FROM owners WHERE id = $id").get({ id: info.id }) !== null) return;
      sql(
        `INSERT INTO owners
           (id, command, pid, boot_id, pid_namespace, start_time, started_at, heartbeat_at)
         VALUES ($id, $command, $pid, $bootId, $pidNamespace, $startTime, $startedAt, $now)`,
      ).run({
        id: info.id,
        command,
        pid: self.pid,
        bootId: self.bootId,
        pidNamespace: self.pidNamespace,
        startTime: self.startTime,
        startedAt: info.startedAt,
        now: now(),
      });
    },

    beat() {
      sql("UPDATE owners SET heartbeat_at = $now WHERE id = $id").run({ id: info.id, now: now() });
    },

    leave() {
      sql("DELETE FROM owners WHERE id = $id").run({ id: info.id });
    },

    living: () => sorted().alive,

    bury() {
      const { alive, dead } = sorted();
      for (const id of dead) sql("DELETE FROM owners WHERE id = $id").run({ id });
      return alive;
    },
  };
}
