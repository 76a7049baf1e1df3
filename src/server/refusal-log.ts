import type { ServerLog } from "./log.ts";

/** Values that are told; more can only be somebody's doing. */
const MOST_TOLD = 100;
const LONGEST = 200;

/** Tells each refused value once: a person must see what to configure, and nobody shall fill the disk. */
export function createRefusalLog(log: ServerLog): (what: "host" | "origin", value: string) => void {
  const told = new Set<string>();
  return (what, value) => {
    const key = `${what} ${value.slice(0, LONGEST)}`;
    if (told.has(key) || told.size >= MOST_TOLD) return;
    told.add(key);
    const hint =
      what === "host"
        ? "to serve it, add it to serve.hosts (or HOIST_SERVE_HOSTS, --allow-host), or set serve.public_url"
        : "to let pages of a proxy's address in, set serve.public_url";
    log.warn(`${what}.refused`, `refused the ${what} "${value.slice(0, LONGEST)}"; ${hint}`);
  };
}
