import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceFacts } from "../../../src/cli/service/facts.ts";
import { managerOf } from "../../../src/cli/service/manager.ts";
import { unreachable } from "../../../src/cli/service/reach.ts";
import type { Place } from "../../../src/config/place.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const place = (platform: NodeJS.Platform, env = {}): Place => ({ platform, env, home: "/home/me" });
const OWN = { user: false, system: false };

describe("where the service belongs", () => {
  const path = (env: Record<string, string>, uid: number, asked = OWN) =>
    managerOf(place("linux", env), asked, uid).manager.path;

  test("on Linux", () => {
    expect(path({}, 0)).toBe("/etc/systemd/system/hoist.service");
    expect(path({}, 1000)).toBe("/home/me/.config/systemd/user/hoist.service");
    expect(path({ XDG_CONFIG_HOME: "/x" }, 1000)).toBe("/x/systemd/user/hoist.service");
    // The XDG specification wants relative ones ignored.
    expect(path({ XDG_CONFIG_HOME: "x" }, 1000)).toBe("/home/me/.config/systemd/user/hoist.service");
    expect(path({}, 0, { user: true, system: false })).toBe("/home/me/.config/systemd/user/hoist.service");
    expect(path({}, 1000, { user: false, system: true })).toBe("/etc/systemd/system/hoist.service");
  });

  test("on macOS, where root is told to be somebody", () => {
    const { manager } = managerOf(place("darwin"), OWN, 501);
    expect(manager.path).toBe("/home/me/Library/LaunchAgents/hoist.serve.plist");
    expect(manager.enable).toEqual([["launchctl", "bootstrap", "gui/501", manager.path]]);
    expect(() => managerOf(place("darwin"), OWN, 0)).toThrow(/a service of a user/);
  });

  test("on Windows nowhere, and what to do instead is said", () => {
    try {
      managerOf(place("win32"), OWN, -1);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: "usage", exit: 2, hint: expect.stringContaining("schtasks") });
    }
  });
});

test("what a user who is nobody in particular cannot reach is told", async () => {
  using directory = temporaryDirectory();
  chmodSync(directory.path, 0o755);
  const open = join(directory.path, "open");
  const closed = join(directory.path, "closed");
  mkdirSync(open, { mode: 0o755 });
  mkdirSync(closed, { mode: 0o750 });
  const inside = join(closed, "config.toml");
  writeFileSync(inside, "", { mode: 0o644 });
  const facts = {
    scope: "system",
    runAs: null,
    groups: [],
    program: "/bin/true",
    roots: [
      { path: open, write: false },
      { path: closed, write: false },
      { path: "/not/there", write: false },
    ],
    secretFiles: [],
  } as unknown as ServiceFacts;
  const told = (change: Partial<ServiceFacts>, config: string | null = null) =>
    unreachable({ ...facts, ...change }, config);
  expect(await told({})).toEqual([expect.stringContaining(`cannot read ${closed}:`)]);
  expect(await told({ roots: [{ path: open, write: true }] })).toEqual([
    expect.stringContaining(`cannot change ${open}:`),
  ]);
  expect(await told({ roots: [] }, inside)).toContainEqual(expect.stringContaining(`cannot read ${inside}:`));
  expect(await told({ roots: [], program: inside })).toContainEqual(expect.stringContaining(`cannot run ${inside}:`));
  expect(await told({ groups: ["media"] })).toEqual([]);
  const secret = join(directory.path, "secret");
  const secretFiles = [
    { key: "hooks.tv.auth.bearer", path: secret },
    { key: "accounts.ulozto.token", path: inside },
    { key: "serve.callback_secret", path: join(open, "not-there") },
  ];
  for (const [mode, groups, read] of [
    [0o600, [], [secret, inside]],
    [0o600, ["media"], [secret]],
    [0o640, ["media"], []],
    [0o604, [], [inside]],
  ] as const) {
    writeFileSync(secret, "s");
    chmodSync(secret, mode);
    chmodSync(inside, 0o640);
    const sentences = await told({ roots: [], groups, secretFiles });
    expect(sentences.flatMap((each) => / cannot read (\S+) /.exec(each)?.[1] ?? [])).toEqual([...read]);
  }
  const sentences = await told({ roots: [], secretFiles: secretFiles.map((each) => ({ ...each, path: inside })) });
  const [hook, account] = sentences.filter((each) => each.includes("cannot read"));
  expect(hook).toContain("(hooks.tv.auth.bearer): hand it over with LoadCredential=");
  expect(account).toContain("(accounts.ulozto.token): put it into /etc/hoist/ulozto.token");
  expect(await told({ runAs: "media" })).toEqual([]);
  expect(await told({ scope: "user" })).toEqual([]);
});
