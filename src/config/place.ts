import { homedir } from "node:os";
import { join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What decides where files are looked for; tests pass their own. */
export interface Place {
  readonly env: Environment;
  readonly platform: NodeJS.Platform;
  readonly home: string;
}

export function thisPlace(env: Environment = process.env): Place {
  return { env, platform: process.platform, home: homeDirectory() };
}

/** `~/…` as it is meant where no shell has read it: in a file, or behind `move:`. */
export function fromHome(path: string): string {
  return path.startsWith("~/") ? join(homeDirectory(), path.slice(2)) : path;
}

/** The root where nobody says: containers run users of whom the machine knows nothing, with HOME not set. */
function homeDirectory(): string {
  try {
    return homedir();
  } catch {
    return "/";
  }
}

/** A variable's value; empty counts as not set. */
export function variable(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === "" ? undefined : value;
}
