import type { ServerLog } from "./log.ts";

/** Requests that are turned away at the door, for whoever set up their sender. */
export interface RefusalLog {
  host(value: string): void;
  origin(value: string): void;
  /** `route` as in the table; `hook` only of one that is configured. */
  unproven(route: string, hook: string | null, requestId: string): void;
}

/** Values that are told; more can only be somebody's doing. */
const MOST_TOLD = 100;
const LONGEST = 200;
const AGAIN_MS = 60_000;

/** Each value is told once, each door once a minute: a person must see what is wrong, and nobody shall fill the disk. */
export function createRefusalLog(log: ServerLog, now: () => number = Date.now): RefusalLog {
  const told = new Set<string>();
  const doors = new Map<string, number>();

  function once(what: "host" | "origin", value: string, hint: string): void {
    const shown = value.slice(0, LONGEST);
    const key = `${what} ${shown}`;
    if (told.has(key) || told.size >= MOST_TOLD) return;
    told.add(key);
    log.warn(`${what}.refused`, `refused the ${what} "${shown}"; ${hint}`);
  }

  return {
    host: (value) =>
      once(
        "host",
        value,
        "to serve it, add it to serve.hosts (or HOIST_SERVE_HOSTS, --allow-host), or set serve.public_url",
      ),
    origin: (value) => once("origin", value, "to let pages of a proxy's address in, set serve.public_url"),
    unproven(route, hook, requestId) {
      const door = hook === null ? route : `/hooks/${hook}`;
      const last = doors.get(door);
      if (last !== undefined && now() - last < AGAIN_MS) return;
      doors.set(door, now());
      const why = hook === null ? "has no token that is known" : "does not prove itself as the hook's auth asks";
      log.warn("unauthorized", `a request to ${door} ${why}`, { requestId });
    },
  };
}
