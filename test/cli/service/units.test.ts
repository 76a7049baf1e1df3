import { describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { ServiceFacts } from "../../../src/cli/service/facts.ts";
import { launchdPlist } from "../../../src/cli/service/launchd.ts";
import { managerOf } from "../../../src/cli/service/manager.ts";
import { systemdUnit } from "../../../src/cli/service/systemd.ts";
import { AppError } from "../../../src/errors.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const FACTS: ServiceFacts = {
  scope: "system",
  runAs: null,
  groups: [],
  program: "/usr/local/bin/hoist",
  argv: ["serve"],
  stateDir: null,
  graceMs: 60_000,
  listen: { kind: "tcp", hostname: "127.0.0.1", port: 7411 },
  roots: [],
  credentials: [],
  secretFiles: [],
};

/** The values of a key, in their order. */
function valuesOf(key: string, change: Partial<ServiceFacts> = {}): string[] {
  return systemdUnit({ ...FACTS, ...change })
    .split("\n")
    .flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
}

/** As systemd.syntax(7) and systemd.service(5) read a line: quotes, backslashes, `%%` and, behind the program, `$$`. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (let rest = line; rest !== ""; ) {
    const quoted = /^"((?:[^"\\]|\\.)*)"(?: |$)/.exec(rest);
    const found = quoted ?? /^([^ "]+)(?: |$)/.exec(rest);
    if (found === null) throw new Error(`not words: ${line}`);
    const text = quoted === null ? (found[1] ?? "") : (found[1] ?? "").replace(/\\(.)/g, "$1");
    if (quoted === null && /['\\:]/.test(text)) throw new Error(`a bare word means more than it says: ${line}`);
    const specifiers = text.replaceAll("%%", "");
    if (specifiers.includes("%")) throw new Error(`a specifier: ${line}`);
    words.push(text.replaceAll("%%", "%"));
    rest = rest.slice(found[0].length);
  }
  return words;
}

/** Paths as wild as a file system takes them, but for control characters. */
const path = fc
  .array(fc.oneof(fc.constantFrom(..." '\"\\%$:;#{}[]&<>-~`!é漢🎞"), fc.string({ minLength: 1, maxLength: 3 })), {
    minLength: 1,
    maxLength: 12,
  })
  .map(
    (parts) =>
      `/${parts
        .join("")
        .toWellFormed()
        .replace(/\p{Cc}/gu, "_")}`,
  );

describe("a unit of systemd", () => {
  test("restarts what may mend itself, and not a broken configuration", () => {
    const unit = systemdUnit(FACTS);
    for (const line of [
      "Type=exec",
      "ExecStart=/usr/local/bin/hoist serve",
      "ExecReload=kill -HUP $MAINPID",
      "Restart=on-failure",
      "RestartPreventExitStatus=2",
      "StartLimitBurst=10",
      "SuccessExitStatus=130 143",
      "StateDirectory=hoist",
      "ConfigurationDirectory=hoist",
      "DynamicUser=yes",
      "ProtectSystem=strict",
      "WantedBy=multi-user.target",
    ]) {
      expect(unit.split("\n")).toContain(line);
    }
    // Each takes something away that hoist needs: the JIT, or the sight of other processes.
    expect(unit).not.toMatch(/^(?:MemoryDenyWriteExecute|ProtectProc|ProcSubset|PrivateNetwork)=/m);
  });

  test("waits longer than the uploads may go on", () => {
    expect(valuesOf("TimeoutStopSec", { graceMs: 60_000 })).toEqual(["90"]);
    expect(valuesOf("TimeoutStopSec", { graceMs: 600_500 })).toEqual(["631"]);
  });

  test("runs as whom it is told, or as nobody in particular", () => {
    expect(valuesOf("User", { runAs: "media" })).toEqual(["media"]);
    expect(valuesOf("DynamicUser", { runAs: "media" })).toEqual([]);
    expect(valuesOf("SupplementaryGroups", { groups: ["media", "video"] })).toEqual(["media video"]);
  });

  test("may write below roots that can be written, wherever they are", () => {
    const roots = [
      { path: "/srv/media", write: false },
      { path: "/srv/out box", write: true },
      { path: "/tmp/in", write: false },
      { path: "/var/tmp/out", write: true },
    ];
    expect(valuesOf("ReadWritePaths", { roots })).toEqual(['"-/srv/out box"']);
    // It has a /tmp of its own, into which these are brought.
    expect(valuesOf("BindReadOnlyPaths", { roots })).toEqual(["-/tmp/in"]);
    expect(valuesOf("BindPaths", { roots })).toEqual(["-/var/tmp/out"]);
    expect(valuesOf("ReadWritePaths", { stateDir: "/data/hoist" })).toEqual(["-/data/hoist"]);
    expect(valuesOf("StateDirectory", { stateDir: "/data/hoist" })).toEqual([]);
  });

  test("has what its address needs", () => {
    expect(valuesOf("RuntimeDirectory", { listen: { kind: "unix", path: "/run/hoist/hoist.sock" } })).toEqual([
      "hoist",
    ]);
    expect(valuesOf("ReadWritePaths", { listen: { kind: "unix", path: "/srv/s/h.sock" } })).toEqual(["-/srv/s"]);
    expect(valuesOf("CapabilityBoundingSet")).toEqual([""]);
    const listen = { kind: "tcp", hostname: "127.0.0.1", port: 80 } as const;
    expect(valuesOf("AmbientCapabilities", { listen })).toEqual(["CAP_NET_BIND_SERVICE"]);
    expect(valuesOf("CapabilityBoundingSet", { listen })).toEqual(["CAP_NET_BIND_SERVICE"]);
  });

  test("hands over the secrets that are there, and shows where the others would be", () => {
    const credentials = [
      { id: "ulozto.token", path: "/etc/hoist/ulozto.token", there: true },
      { id: "uploadgig.password", path: "/etc/hoist/uploadgig.password", there: false },
    ];
    expect(valuesOf("LoadCredential", { credentials })).toEqual(["ulozto.token:/etc/hoist/ulozto.token"]);
    expect(systemdUnit({ ...FACTS, credentials })).toContain(
      "\n#LoadCredential=uploadgig.password:/etc/hoist/uploadgig.password\n",
    );
  });

  test("of a user asks for nothing that takes root", () => {
    const unit = systemdUnit({ ...FACTS, scope: "user", stateDir: "/home/me/.local/state/hoist" });
    expect(unit).toContain("WantedBy=default.target");
    expect(unit).toContain("NoNewPrivileges=yes");
    expect(unit).not.toMatch(/^(?:User|DynamicUser|ProtectSystem|PrivateTmp|StateDirectory|CapabilityBoundingSet)=/m);
  });

  test("spells any path so that systemd reads it back", () => {
    fc.assert(
      fc.property(path, path, path, (wild, config, root) => {
        const program = wild.replace(/["'\\]/g, "_");
        const unit = { program, argv: ["serve", "--config", config], roots: [{ path: root, write: true }] };
        const [line = ""] = valuesOf("ExecStart", unit);
        const [first = "", ...rest] = wordsOf(line);
        expect(first).toBe(program);
        expect(rest.map((word) => word.replaceAll("$$", "$"))).toEqual(unit.argv);
        expect(rest.join(" ").replaceAll("$$", "")).not.toContain("$");
        const [paths = ""] = [...valuesOf("ReadWritePaths", unit), ...valuesOf("BindPaths", unit)];
        expect(wordsOf(paths)).toEqual([`-${root}`]);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  test("cannot name a path with control characters", () => {
    const bad = { roots: [{ path: "/srv/a\nExecStart=/bin/evil", write: true }] };
    expect(() => systemdUnit({ ...FACTS, ...bad })).toThrow(AppError);
    expect(() => systemdUnit({ ...FACTS, argv: ["serve", "--config", "/a\tb"] })).toThrow(/control characters/);
  });

  test("cannot run a program that systemd would not", () => {
    for (const program of [`/opt/"x"/hoist`, "/opt/it's/hoist", "/opt/a\\b/hoist"]) {
      expect(() => systemdUnit({ ...FACTS, program })).toThrow(/no program with quotes/);
    }
  });

  test.skipIf(Bun.which("systemd-analyze") === null)("is one to systemd, which finds the program", async () => {
    using directory = temporaryDirectory();
    const odd = join(directory.path, `a b:c 50% $HOME {d};#é`);
    mkdirSync(odd);
    const program = join(odd, "true");
    copyFileSync("/bin/true", program);
    chmodSync(program, 0o755);
    const verify = (text: string) => {
      const unit = join(directory.path, "hoist.service");
      writeFileSync(unit, text);
      const { exitCode, stderr } = Bun.spawnSync(["systemd-analyze", "verify", unit]);
      return { exitCode, said: stderr.toString() };
    };
    const roots = [
      { path: odd, write: true },
      { path: `/srv/'a' "b" \\c 50% $HOME:d`, write: true },
    ];
    const unit = systemdUnit({ ...FACTS, program, roots, runAs: "root" });
    expect(verify(unit)).toEqual({ exitCode: 0, said: "" });
    expect(verify(unit.replace("50%%", "51%%")).said).toContain("not executable");
  });
});

describe("a launch agent", () => {
  const argvOf = (plist: string): string[] => {
    const array = /<key>ProgramArguments<\/key>\s*<array>(.*?)<\/array>/s.exec(plist)?.[1] ?? "";
    return [...array.matchAll(/<string>([^<>]*)<\/string>/g)].map(([, text = ""]) =>
      text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"),
    );
  };

  test("spells any path so that it is read back", () => {
    fc.assert(
      fc.property(path, path, (program, config) => {
        const argv = ["serve", "--config", config];
        expect(argvOf(launchdPlist({ ...FACTS, program, argv }, "/Users/me"))).toEqual([program, ...argv]);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  test.skipIf(Bun.which("python3") === null)("is a property list", () => {
    const argv = ["serve", "--config", '/a & <b> "c" $d %h'];
    const place = { platform: "darwin", env: {}, home: "/Users/me" } as const;
    const { manager } = managerOf(place, { user: true, system: false }, 501);
    const plist = manager.describe({ ...FACTS, argv, graceMs: 5_000 });
    const read = "import json,plistlib,sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
    const { stdout } = Bun.spawnSync(["python3", "-c", read], { stdin: Buffer.from(plist) });
    expect(JSON.parse(stdout.toString())).toEqual({
      Label: "hoist.serve",
      ProgramArguments: [FACTS.program, ...argv],
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ThrottleInterval: 30,
      ExitTimeOut: 35,
      Umask: 0o027,
      StandardErrorPath: "/Users/me/Library/Logs/hoist.log",
    });
  });
});
