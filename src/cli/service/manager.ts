import { join } from "node:path";
import { type Place, variable } from "../../config/place.ts";
import { AppError } from "../../errors.ts";
import type { Scope, ServiceFacts } from "./facts.ts";
import { LABEL, launchdPlist } from "./launchd.ts";
import { sealed } from "./own-file.ts";
import { systemdUnit } from "./systemd.ts";

/** A command line, in words. */
export type Words = readonly string[];

/** What runs services on this machine. */
export interface Manager {
  /** Where the description of the service belongs. */
  readonly path: string;
  describe(facts: ServiceFacts): string;
  /** Start it now and with the machine (or the user's session). */
  readonly enable: readonly Words[];
  /** The contrary; before the file is removed. */
  readonly disable: readonly Words[];
  /** After the file was removed. */
  readonly forget: readonly Words[];
  /** Files of which any means that the service is to be started by itself. */
  readonly enabledBy: readonly string[];
  /** How to look at it, and what else there is to know. */
  readonly remarks: readonly string[];
}

/** Root's services are the machine's, as with systemctl. Fails with `usage` where there is no such service. */
export function managerOf(
  place: Place,
  asked: { readonly user: boolean; readonly system: boolean },
  uid: number,
): { readonly scope: Scope; readonly manager: Manager } {
  if (asked.user && asked.system) throw new AppError("usage", "--user and --system exclude each other");
  const scope = asked.system || (uid === 0 && !asked.user) ? "system" : "user";
  switch (place.platform) {
    case "linux":
      return { scope, manager: systemd(place, scope) };
    case "darwin":
      if (scope === "system") throw noDaemon();
      return { scope, manager: launchd(place, uid) };
    default:
      throw noService(place.platform);
  }
}

function systemd(place: Place, scope: Scope): Manager {
  const config = variable(place.env, "XDG_CONFIG_HOME");
  const own = config?.startsWith("/") === true ? config : join(place.home, ".config");
  const directory = scope === "system" ? "/etc/systemd/system" : join(own, "systemd", "user");
  const target = scope === "system" ? "multi-user.target" : "default.target";
  const options = scope === "system" ? [] : ["--user"];
  const systemctl = (...words: string[]) => ["systemctl", ...options, ...words];
  const reload = systemctl("daemon-reload");
  return {
    path: join(directory, "hoist.service"),
    describe: (facts) => sealed(systemdUnit(facts), (words) => `# ${words}`),
    // A service that runs already shall run as it is described now.
    enable: [reload, systemctl("enable", "hoist"), systemctl("restart", "hoist")],
    disable: [systemctl("disable", "--now", "hoist")],
    forget: [reload],
    enabledBy: [join(directory, `${target}.wants`, "hoist.service")],
    remarks: [
      `look at it: systemctl ${[...options, "status"].join(" ")} hoist; journalctl ${[...options, "-u"].join(" ")} hoist`,
      ...(scope === "user" ? ["it ends with your last session, unless you: loginctl enable-linger"] : []),
    ],
  };
}

function launchd({ home }: Place, uid: number): Manager {
  const path = join(home, "Library", "LaunchAgents", `${LABEL}.plist`);
  return {
    path,
    describe: (facts) =>
      sealed(launchdPlist(facts, home), (words) => `<!-- ${words} -->`, '<?xml version="1.0" encoding="UTF-8"?>\n'),
    enable: [["launchctl", "bootstrap", `gui/${uid}`, path]],
    disable: [["launchctl", "bootout", `gui/${uid}/${LABEL}`]],
    forget: [],
    enabledBy: [],
    remarks: [`look at it: launchctl print gui/${uid}/${LABEL}; its log is ~/Library/Logs/hoist.log`],
  };
}

function noDaemon(): AppError {
  return new AppError("usage", "on macOS hoist is a service of a user, not of the machine", {
    hint: "run this without sudo and without --system, as the user whose files are to be uploaded",
  });
}

function noService(platform: string): AppError {
  if (platform === "win32") {
    return new AppError("usage", "on Windows hoist makes no service", {
      hint: 'let the Task Scheduler run it: schtasks /Create /TN hoist /SC ONLOGON /TR "C:\\path\\to\\hoist.exe serve"',
    });
  }
  return new AppError("usage", `hoist knows no service manager of ${platform}`, {
    hint: "have yours run: hoist serve",
  });
}
