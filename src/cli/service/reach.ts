import { constants, type Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type ServiceFacts, SYSTEM_CONFIG } from "./facts.ts";
import { isTemporary } from "./systemd.ts";

/**
 * What would keep the machine's service from its work, one sentence each. The rights of a user who is known are not
 * judged: they are whatever they are.
 */
export async function unreachable(
  { scope, runAs, groups, program, roots, secretFiles }: ServiceFacts,
  configPath: string | null,
): Promise<readonly string[]> {
  if (scope === "user") return [];
  const told = [program, configPath, ...secretFiles.map(({ path }) => path)]
    .filter((path) => path !== null && isTemporary(path))
    .map((path) => `the service does not see ${path}: it has a /tmp of its own`);
  if (runAs !== null) return told;
  if (!(await isOpen(program, constants.S_IROTH | constants.S_IXOTH))) {
    told.push(`the service's user cannot run ${program}: install it where all can, such as /usr/local/bin`);
  }
  if (configPath !== null && !(await isOpen(configPath, constants.S_IROTH))) {
    told.push(
      `the service's user cannot read ${configPath}: chmod 644 it and keep secrets in files of their own, or --run-as`,
    );
  }
  const lent = groups.length > 0 ? constants.S_IRGRP : 0;
  for (const { key, path } of secretFiles) {
    if ((await isOpen(path, constants.S_IROTH)) || (await hasAny(path, lent))) continue;
    told.push(`the service's user cannot read ${path} (${key}): ${handing(key)}, name its --group, or --run-as`);
  }
  if (groups.length > 0) return told;
  for (const { path, write } of roots) {
    const bits = constants.S_IROTH | constants.S_IXOTH | (write ? constants.S_IWOTH : 0);
    if (await isOpen(path, bits)) continue;
    told.push(`the service's user cannot ${write ? "change" : "read"} ${path}: name its --group, or --run-as`);
  }
  return told;
}

/** How the service manager, which may read it, passes a secret on. */
function handing(key: string): string {
  const [, account] = /^accounts\.(.+)$/.exec(key) ?? [];
  return account === undefined
    ? "hand it over with LoadCredential= (systemctl edit hoist)"
    : `put it into ${SYSTEM_CONFIG}/${account}, which is handed over`;
}

async function hasAny(path: string, bits: number): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found !== null && (found.mode & bits) !== 0;
}

/** Whether others have these rights to the path and may come to it; what is not there hinders nobody yet. */
async function isOpen(path: string, bits: number): Promise<boolean> {
  const found: Stats | null = await stat(path).catch(() => null);
  if (found !== null && (found.mode & bits) !== bits) return false;
  const above = dirname(path);
  return above === path || isOpen(above, constants.S_IXOTH);
}
