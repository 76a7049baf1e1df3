import { thisPlace } from "../../config/place.ts";
import { AppError } from "../../errors.ts";
import type { Options, Values } from "../argv/options.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { type ServiceChoice, serviceFacts, unseenVariables } from "../service/facts.ts";
import { type Manager, managerOf, type Words } from "../service/manager.ts";
import { removeOwn, standingAt, writeOwn } from "../service/own-file.ts";
import { unreachable } from "../service/reach.ts";
import { runAll, runs } from "../service/run-words.ts";

const WHERE = {
  user: { type: "flag", summary: "a service of yours, in your own systemd (default, unless you are root)" },
  system: { type: "flag", summary: "a service of the machine (default for root)" },
} as const satisfies Options;

const WHAT = {
  ...WHERE,
  runAs: { type: "value", hint: "USER", summary: "who it runs as (default: a user made for it)" },
  group: { type: "list", hint: "GROUP", summary: "a group whose files it may read, such as media" },
} as const satisfies Options;

const FORCE = { type: "flag", summary: "even a file that was changed, or that hoist did not write" } as const;

export const servicePrint = defineCommand({
  name: "service print",
  summary: "show the service that install would write",
  details: [
    "A unit of systemd, or a launch agent on macOS, on standard output; nothing is written. It fits the configuration " +
      "as it is now: roots with write = true, an address below 1024, a unix socket, grace.",
  ],
  examples: [
    ["hoist service print", "yours, or the machine's when you are root"],
    ["hoist service print --system --run-as media", "the machine's, run as media"],
  ],
  options: WHAT,
  async run(context, values) {
    const { text } = await describe(context, values);
    context.out.raw(text);
    return 0;
  },
});

export const serviceInstall = defineCommand({
  name: "service install",
  summary: "make hoist serve a service of this machine",
  details: [
    "Writes what hoist service print shows: /etc/systemd/system/hoist.service for root, " +
      "~/.config/systemd/user/hoist.service for others, ~/Library/LaunchAgents/hoist.serve.plist on macOS. It is not " +
      "started unless --now is given; what to type is told. Run it again when the configuration or the place of the " +
      "program changes.",
    "The machine's service reads /etc/hoist/config.toml, or what --config names, and keeps its state in " +
      "/var/lib/hoist. It runs as a user of its own that can read what everybody can, or as --run-as. Secrets in " +
      "/etc/hoist/<account>.password, .token or .api_key are handed to it; nobody but root need be able to read them. " +
      "It sees none of this shell's variables.",
    "A file that hoist did not write, or that was changed since, is left alone. Changes of your own are safe in: " +
      "systemctl edit hoist.",
  ],
  examples: [
    ["sudo hoist service install --now", "start it now and with the machine"],
    ["sudo hoist service install --group media", "it may read what the group media may"],
    ["hoist service install", "a service of yours; says how to start it"],
  ],
  options: {
    ...WHAT,
    now: { type: "flag", summary: "start it as well, now and from now on" },
    force: FORCE,
  },
  async run(context, values) {
    const { out } = context;
    const { text, manager } = await describe(context, values);
    if (values.now) assertThere(manager.enable);
    await assertOurs(manager.path, values.force, "--force overwrites it");
    await writeOwn(manager.path, text);
    out.print(manager.path);
    if (values.now) await runAll(manager.enable);
    else out.note(`start it now and from now on: ${shown(manager.enable)}`);
    for (const remark of manager.remarks) out.note(remark);
    return 0;
  },
});

export const serviceUninstall = defineCommand({
  name: "service uninstall",
  summary: "remove what service install has written",
  details: ["Configuration, state and history stay."],
  examples: [
    ["sudo hoist service uninstall --now", "stop it and remove it"],
    ["hoist service uninstall --user", "yours, when it is not enabled any more"],
  ],
  options: {
    ...WHERE,
    now: { type: "flag", summary: "stop it first, and start it no more" },
    force: FORCE,
  },
  async run(context, values) {
    const { out } = context;
    const { manager } = managerHere(context, values);
    if ((await standingAt(manager.path)) === "nothing") {
      throw new AppError("not_found", `there is no service to remove: ${manager.path} is not there`);
    }
    await assertOurs(manager.path, values.force, "--force removes it");
    if (values.now) {
      assertThere(manager.disable);
      await runAll(manager.disable);
    } else await assertDisabled(manager);
    await removeOwn(manager.path);
    out.note(`${manager.path} is removed; configuration and state stay`);
    if (values.now) await runAll(manager.forget);
    else if (manager.forget.length > 0) out.note(`tell the service manager: ${shown(manager.forget)}`);
    return 0;
  },
});

async function describe(context: CommandContext, values: Values<typeof WHAT>) {
  const { scope, manager } = managerHere(context, values);
  const choice: ServiceChoice = { scope, runAs: values.runAs ?? null, groups: values.group };
  if (scope === "user" && (choice.runAs !== null || choice.groups.length > 0)) {
    throw new AppError("usage", "--run-as and --group are about a service of the machine", { hint: "add --system" });
  }
  const names = [...(choice.runAs === null ? [] : [choice.runAs]), ...choice.groups];
  const wrong = names.find((name) => !/^[A-Za-z_][\w.-]*\$?$/.test(name));
  if (wrong !== undefined) throw new AppError("usage", `"${wrong}" is no name of a user or group`);
  const { facts, config } = await serviceFacts(context, choice);
  const { out, io } = context;
  const unseen = unseenVariables(io.env);
  if (unseen.length > 0) {
    out.warning(`the service does not see this shell's ${unseen.join(", ")}: write that into the configuration`);
  }
  for (const sentence of await unreachable(facts, config.path)) out.warning(sentence);
  return { manager, text: manager.describe(facts) };
}

function managerHere({ io }: CommandContext, asked: Values<typeof WHERE>) {
  return managerOf(thisPlace(io.env), asked, process.getuid?.() ?? -1);
}

async function assertOurs(path: string, force: boolean, hint: string): Promise<void> {
  const standing = await standingAt(path);
  if (force || standing === "nothing" || standing === "ours") return;
  const what = standing === "changed" ? "was changed since hoist wrote it" : "was not written by hoist";
  throw new AppError("state", `${path} ${what}`, { hint });
}

async function assertDisabled({ enabledBy, disable }: Manager): Promise<void> {
  for (const path of enabledBy) {
    if ((await standingAt(path)) === "nothing") continue;
    throw new AppError("state", "the service is still enabled", {
      hint: `add --now, or first: ${shown(disable)}`,
    });
  }
}

function assertThere(commands: readonly Words[]): void {
  const missing = commands.map(([program = ""]) => program).find((program) => !runs(program));
  if (missing === undefined) return;
  throw new AppError("state", `there is no ${missing} here`, { hint: "leave --now out, and start it by other means" });
}

function shown(commands: readonly Words[]): string {
  return commands.map((words) => words.join(" ")).join(" && ");
}
