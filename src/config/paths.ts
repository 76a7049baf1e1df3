import { posix, win32 } from "node:path";
import { type Place, variable } from "./place.ts";

export interface ConfigPath {
  readonly path: string;
  /** Asked for by `--config` or `HOIST_CONFIG`: it must exist. */
  readonly asked: boolean;
}

/** Where the config file is, or would be: `--config`, `HOIST_CONFIG`, `$CONFIGURATION_DIRECTORY`, the user's own. */
export function configPath(flag: string | undefined, place: Place): ConfigPath {
  const { join, resolve } = pathsOf(place);
  const asked = flag ?? variable(place.env, "HOIST_CONFIG");
  if (asked !== undefined) return { path: resolve(asked), asked: true };
  const directory = firstDirectory(place, "CONFIGURATION_DIRECTORY") ?? userConfigDirectory(place);
  return { path: join(directory, "config.toml"), asked: false };
}

/** Where database, spool and tokens live: `--state-dir`, `HOIST_STATE_DIR`, `$STATE_DIRECTORY`, the user's own. */
export function stateDirectory(flag: string | undefined, place: Place): string {
  const asked = flag ?? variable(place.env, "HOIST_STATE_DIR") ?? firstDirectory(place, "STATE_DIRECTORY");
  return asked === undefined ? userStateDirectory(place) : pathsOf(place).resolve(asked);
}

function userConfigDirectory(place: Place): string {
  const { join } = pathsOf(place);
  if (place.platform === "darwin") return join(place.home, "Library", "Application Support", "hoist");
  if (place.platform === "win32") {
    return join(absolute(place, "APPDATA") ?? join(place.home, "AppData", "Roaming"), "hoist");
  }
  return join(absolute(place, "XDG_CONFIG_HOME") ?? join(place.home, ".config"), "hoist");
}

function userStateDirectory(place: Place): string {
  const { join } = pathsOf(place);
  if (place.platform === "darwin") return userConfigDirectory(place);
  if (place.platform === "win32") {
    return join(absolute(place, "LOCALAPPDATA") ?? join(place.home, "AppData", "Local"), "hoist");
  }
  return join(absolute(place, "XDG_STATE_HOME") ?? join(place.home, ".local", "state"), "hoist");
}

/** systemd separates several directories by colons; the first is ours. */
function firstDirectory(place: Place, name: string): string | undefined {
  const [first] = variable(place.env, name)?.split(":") ?? [];
  return first === "" ? undefined : first;
}

/** Base directories that are not absolute are ignored, as the XDG specification demands. */
function absolute(place: Place, name: string): string | undefined {
  const value = variable(place.env, name);
  return value !== undefined && pathsOf(place).isAbsolute(value) ? value : undefined;
}

function pathsOf(place: Place): typeof posix {
  return place.platform === "win32" ? win32 : posix;
}
