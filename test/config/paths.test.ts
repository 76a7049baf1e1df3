import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { configPath, stateDirectory } from "../../src/config/paths.ts";
import type { Environment, Place } from "../../src/config/place.ts";

const linux = (env: Environment = {}): Place => ({ env, platform: "linux", home: "/home/me" });
const mac = (env: Environment = {}): Place => ({ env, platform: "darwin", home: "/Users/me" });
const windows = (env: Environment = {}): Place => ({ env, platform: "win32", home: "C:\\Users\\me" });

describe("the config file", () => {
  test.each([
    ["the user's own", linux(), "/home/me/.config/hoist/config.toml"],
    ["XDG_CONFIG_HOME", linux({ XDG_CONFIG_HOME: "/x" }), "/x/hoist/config.toml"],
    ["a relative XDG_CONFIG_HOME is ignored", linux({ XDG_CONFIG_HOME: "x" }), "/home/me/.config/hoist/config.toml"],
    ["an empty XDG_CONFIG_HOME is not set", linux({ XDG_CONFIG_HOME: "" }), "/home/me/.config/hoist/config.toml"],
    [
      "systemd",
      linux({ CONFIGURATION_DIRECTORY: "/etc/hoist:/etc/b", XDG_CONFIG_HOME: "/x" }),
      "/etc/hoist/config.toml",
    ],
    ["macOS", mac({ XDG_CONFIG_HOME: "/x" }), "/Users/me/Library/Application Support/hoist/config.toml"],
    ["Windows", windows({ APPDATA: "D:\\Roaming" }), "D:\\Roaming\\hoist\\config.toml"],
    ["Windows without APPDATA", windows(), "C:\\Users\\me\\AppData\\Roaming\\hoist\\config.toml"],
  ])("%s", (_, place, path) => {
    expect(configPath(undefined, place)).toEqual({ path, asked: false });
  });

  test("the flag beats HOIST_CONFIG, which beats systemd; both must exist", () => {
    const place = linux({ HOIST_CONFIG: "/env.toml", CONFIGURATION_DIRECTORY: "/etc/hoist" });
    expect(configPath("/flag.toml", place)).toEqual({ path: "/flag.toml", asked: true });
    expect(configPath(undefined, place)).toEqual({ path: "/env.toml", asked: true });
    expect(configPath("rel.toml", place).path).toBe(resolve("rel.toml"));
  });
});

describe("the state directory", () => {
  test.each([
    ["the user's own", linux(), "/home/me/.local/state/hoist"],
    ["XDG_STATE_HOME", linux({ XDG_STATE_HOME: "/x" }), "/x/hoist"],
    ["systemd", linux({ STATE_DIRECTORY: "/var/lib/hoist:/b", XDG_STATE_HOME: "/x" }), "/var/lib/hoist"],
    ["HOIST_STATE_DIR", linux({ HOIST_STATE_DIR: "/s", STATE_DIRECTORY: "/var/lib/hoist" }), "/s"],
    ["macOS", mac(), "/Users/me/Library/Application Support/hoist"],
    ["Windows", windows({ LOCALAPPDATA: "D:\\Local" }), "D:\\Local\\hoist"],
  ])("%s", (_, place, directory) => {
    expect(stateDirectory(undefined, place)).toBe(directory);
  });

  test("the flag comes first and is made absolute", () => {
    expect(stateDirectory("rel", linux({ HOIST_STATE_DIR: "/s" }))).toBe(resolve("rel"));
  });
});
