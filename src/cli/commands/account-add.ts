import type { ConfiguredAccount } from "../../config/accounts.ts";
import { addAccount } from "../../config/edit.ts";
import { ACCOUNT_NAME, FILE_NAMES, secretVariable } from "../../config/names.ts";
import { configPath } from "../../config/paths.ts";
import { thisPlace } from "../../config/place.ts";
import { AppError } from "../../errors.ts";
import type { Host, SecretName } from "../../hosts/host.ts";
import { addFromRclone } from "../add-from-rclone.ts";
import { kebab } from "../argv/options.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { openApp } from "../open-app.ts";
import { checkStep } from "../output/next-step.ts";
import { readSecret } from "../read-secret.ts";

const STDIN_FLAGS = { passwordStdin: "password", tokenStdin: "token", apiKeyStdin: "apiKey" } as const;

export const accountAdd = defineCommand({
  name: "account add",
  summary: "add an account to the configuration",
  details: [
    "On a terminal what is missing is asked for. Secrets are never options, because other users can read those: they " +
      "come from the dialogue or from standard input, and stand in the configuration file, which only you can read.",
    "To keep a secret out of that file give none here, and set the environment variable, a systemd credential, or " +
      'password = { file = "…" } or { command = ["…"] } by hand.',
  ],
  examples: [
    ["hoist account add", "ask for everything"],
    ["pass show disk | hoist account add ulozto --user me --token-stdin", "the host has the account's name"],
    ["hoist account add --from-rclone", "the Ulož.to remotes of rclone, with their passwords"],
    ["hoist account add work --host uploadgig --user me@example.com", "a second account, its secret elsewhere"],
  ],
  operands: { usage: "[name|file]", min: 0, max: 1 },
  options: {
    host: { type: "value", hint: "HOST", summary: "where the account is; not needed when the name says it" },
    user: { type: "value", hint: "USER", summary: "login" },
    passwordStdin: { type: "flag", summary: "read the password from standard input" },
    tokenStdin: { type: "flag", summary: "read the application login token from standard input" },
    apiKeyStdin: { type: "flag", summary: "read the application's API key from standard input" },
    fromRclone: { type: "flag", summary: "take the accounts from rclone's configuration, or from the file named" },
  },
  async run(context, values) {
    await using app = await openApp(context, { command: "account add", makesConfig: true });
    const { io, globals, out, operands } = context;
    const known = app.config.accounts;
    if (values.fromRclone) return addFromRclone(context, operands[0], known);
    const piped = (Object.keys(STDIN_FLAGS) as (keyof typeof STDIN_FLAGS)[]).filter((key) => values[key]);
    if (piped.length > 1) {
      throw new AppError("usage", "standard input can hold only one secret", { hint: "give the other one elsewhere" });
    }
    const given = { name: operands[0], host: values.host, user: values.user, secret: piped.length > 0 };
    if (given.name !== undefined) assertNewName(given.name, known);
    const hosts = hostsOf(known);
    const asked = needsDialogue(context, given, hosts) ? await ask(given, hosts, known, io.signal) : null;
    const name = asked?.name ?? given.name;
    if (name === undefined) throw missing("the account's name");
    const host = hostNamed(asked?.host ?? given.host ?? name, hosts);
    const user = asked?.user ?? given.user;
    if (user === undefined || user === "") throw missing("--user USER");
    const secrets: Partial<Record<SecretName, string>> = { ...asked?.secrets };
    for (const key of piped) {
      const secret = STDIN_FLAGS[key];
      assertUnderstood(host, secret, `--${kebab(key)}`);
      secrets[secret] = await readSecret(io.stdin, `--${kebab(key)}`);
    }
    const { path } = configPath(globals.config, thisPlace(io.env));
    await addAccount(path, { name, host: host.id, user, secrets });
    out.note(`the account ${name} is added to ${path}`);
    const hasSecret = host.needs.some((secret) => secrets[secret] !== undefined);
    if (!hasSecret)
      out.note(`it has no secret yet: set ${host.needs.map((one) => secretVariable(name, one)).join(" or ")}`);
    out.note(`try its login with: ${checkStep(name, globals)}`);
    return 0;
  },
});

interface Given {
  readonly name: string | undefined;
  readonly host: string | undefined;
  readonly user: string | undefined;
  readonly secret: boolean;
}

/** Somebody is there to ask, and something is open. */
function needsDialogue({ io }: CommandContext, given: Given, hosts: ReadonlyMap<string, Host>): boolean {
  if (io.stdin.isTTY !== true || io.stderr.isTTY !== true) return false;
  const hostKnown = given.host !== undefined || (given.name !== undefined && hosts.has(given.name));
  return !hostKnown || given.user === undefined || !given.secret;
}

async function ask(given: Given, hosts: ReadonlyMap<string, Host>, known: Accounts, signal: AbortSignal) {
  const { askForAccount } = await import("../account-dialogue.ts");
  return askForAccount({ given, hosts, signal, refuseName: (name) => reasonAgainst(name, known) });
}

type Accounts = ReadonlyMap<string, ConfiguredAccount>;

/** Each host has an account of its own name. */
function hostsOf(accounts: Accounts): ReadonlyMap<string, Host> {
  return new Map([...accounts.values()].map(({ host }) => [host.id, host]));
}

function hostNamed(id: string, hosts: ReadonlyMap<string, Host>): Host {
  const host = hosts.get(id);
  if (host !== undefined) return host;
  throw new AppError("usage", `there is no host "${id}"`, { hint: `--host takes ${[...hosts.keys()].join(" or ")}` });
}

function assertNewName(name: string, accounts: Accounts): void {
  const reason = reasonAgainst(name, accounts);
  if (reason === null) return;
  const exists = accounts.get(name)?.inFile === true;
  throw new AppError("usage", reason, {
    hint: exists ? `remove it first with: hoist account remove ${name}` : "letters a–z, digits and - make a name",
  });
}

function reasonAgainst(name: string, accounts: Accounts): string | null {
  if (!ACCOUNT_NAME.test(name)) return `"${name}" is no account name`;
  return accounts.get(name)?.inFile === true ? `there is an account ${name} already` : null;
}

function assertUnderstood(host: Host, secret: SecretName, flag: string): void {
  const understood = [...host.needs, ...host.accepts];
  if (understood.includes(secret)) return;
  throw new AppError("usage", `${host.title} takes no secret by ${flag}`, {
    hint: `it takes ${understood.map((one) => `--${FILE_NAMES[one].replace("_", "-")}-stdin`).join(" or ")}`,
  });
}

function missing(what: string): AppError {
  return new AppError("usage", `${what} is missing`, { hint: "on a terminal it is asked for" });
}
