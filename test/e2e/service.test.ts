import { describe, expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { HOIST } from "./kit/run.ts";
import { scene, type World } from "./kit/world.ts";

const unitOf = (w: World) => join(w.dir, "home/.config/systemd/user/hoist.service");
const install = (w: World, ...more: string[]) => w.run(["service", "install", "--user", ...more]);
const uninstall = (w: World, ...more: string[]) => w.run(["service", "uninstall", "--user", ...more]);

/** Stands for the real one; writes down what it was told. */
function fakeSystemctl(w: World, exit = 0): () => string[] {
  const directory = join(w.dir, "bin");
  const log = join(w.dir, "systemctl.log");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "systemctl"), `#!/bin/sh\necho "$*" >> '${log}'\nexit ${exit}\n`);
  chmodSync(join(directory, "systemctl"), 0o755);
  w.env.PATH = `${directory}:/usr/bin:/bin`;
  return () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []);
}

describe.skipIf(process.platform !== "linux")("hoist service", () => {
  scene("print shows what install writes, and writes nothing", async (w) => {
    const printed = await w.run(["service", "print", "--user"]);
    expect(printed.code).toBe(0);
    expect(printed.out).toContain(`ExecStart=${HOIST} serve --state-dir ${w.stateDir}\n`);
    expect(existsSync(join(w.dir, "home/.config"))).toBe(false);
    expect(existsSync(w.stateDir)).toBe(false);
    // The shell's own login is not the service's.
    expect(printed.err).toContain("HOIST_ULOZTO_TOKEN");
    const installed = await install(w);
    expect(installed.code).toBe(0);
    expect(installed.out).toBe(`${unitOf(w)}\n`);
    expect(installed.err).toContain("systemctl --user daemon-reload && systemctl --user enable hoist");
    expect(installed.err).toContain("loginctl enable-linger");
    expect(readFileSync(unitOf(w), "utf8")).toBe(printed.out);
    expect(statSync(unitOf(w)).mode & 0o777).toBe(0o644);
  });

  scene("what it wrote it writes anew and removes", async (w) => {
    expect((await install(w)).code).toBe(0);
    const config = w.file("my config.toml", '[serve]\ngrace = "5m"\n');
    expect((await install(w, "--config", config)).code).toBe(0);
    const unit = readFileSync(unitOf(w), "utf8");
    expect(unit).toContain(`serve --config "${config}"`);
    expect(unit).toContain("TimeoutStopSec=330");
    expect((await uninstall(w)).code).toBe(0);
    expect(existsSync(unitOf(w))).toBe(false);
    const again = await uninstall(w);
    expect(again.code).toBe(4);
    expect(again.err).toContain("no service to remove");
  });

  scene("what it did not write, or what was changed since, stays without --force", async (w) => {
    mkdirSync(dirname(unitOf(w)), { recursive: true });
    writeFileSync(unitOf(w), "[Service]\nExecStart=/bin/mine\n");
    for (const act of [install, uninstall]) {
      const refused = await act(w);
      expect({ code: refused.code, err: refused.err }).toEqual({
        code: 11,
        err: expect.stringContaining("was not written by hoist"),
      });
      expect(readFileSync(unitOf(w), "utf8")).toContain("/bin/mine");
    }
    expect((await install(w, "--force")).code).toBe(0);
    writeFileSync(unitOf(w), readFileSync(unitOf(w), "utf8").replace("RestartSec=15", "RestartSec=1"));
    for (const act of [install, uninstall]) {
      const refused = await act(w);
      expect(refused.code).toBe(11);
      expect(refused.err).toContain("was changed since hoist wrote it");
      expect(readFileSync(unitOf(w), "utf8")).toContain("RestartSec=1\n");
    }
    expect((await uninstall(w, "--force")).code).toBe(0);
    // A masked service is a link into the void.
    symlinkSync("/dev/null", unitOf(w));
    expect((await install(w)).code).toBe(11);
  });

  scene("--now starts and stops it", async (w) => {
    const told = fakeSystemctl(w);
    expect((await install(w, "--now")).code).toBe(0);
    expect(told()).toEqual(["--user daemon-reload", "--user enable hoist", "--user restart hoist"]);
    const wants = join(dirname(unitOf(w)), "default.target.wants");
    mkdirSync(wants);
    symlinkSync(unitOf(w), join(wants, "hoist.service"));
    const refused = await uninstall(w);
    expect(refused.code).toBe(11);
    expect(refused.err).toContain("systemctl --user disable --now hoist");
    expect(existsSync(unitOf(w))).toBe(true);
    expect((await uninstall(w, "--now")).code).toBe(0);
    expect(told().slice(3)).toEqual(["--user disable --now hoist", "--user daemon-reload"]);
    expect(existsSync(unitOf(w))).toBe(false);
  });

  scene("a service manager that fails is told of", async (w) => {
    fakeSystemctl(w, 1);
    const ran = await install(w, "--now");
    expect(ran.code).toBe(11);
    expect(ran.err).toContain("systemctl --user daemon-reload failed with exit code 1");
    w.env.PATH = "/nowhere";
    const none = await install(w, "--now");
    expect(none.code).toBe(11);
    expect(none.err).toContain("there is no systemctl here");
  });

  scene("the machine's service goes by the machine's configuration, not by this shell", async (w) => {
    const config = w.file("c.toml", `[serve]\nroots = [{ path = "${w.dir}", write = true }]\n`);
    w.env.HOIST_STATE_DIR = "";
    const ran = await w.run(["service", "print", "--system", "--config", config, "--group", "media"]);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain(`ExecStart=${HOIST} serve --config ${config}\n`);
    expect(ran.out).toContain(`BindPaths=-${w.dir}\n`);
    expect(ran.out).toContain("SupplementaryGroups=media\n");
    expect(ran.out).toContain("LoadCredential=ulozto.token:/etc/hoist/ulozto.token\n");
    const broken = w.file("d.toml", "[serve]\nrots = []\n");
    expect((await w.run(["service", "print", "--system", "--config", broken])).code).toBe(2);
  });

  scene("what makes no sense is refused", async (w) => {
    for (const args of [
      ["print", "--user", "--system"],
      ["print", "--user", "--run-as", "media"],
      ["print", "--system", "--run-as", "a b"],
      ["print", "--system", "--group", "-x"],
      ["install", "--user", "extra"],
      ["enable"],
    ]) {
      expect({ args, code: (await w.run(["service", ...args])).code }).toEqual({ args, code: 2 });
    }
  });
});
