import type { App } from "../../app.ts";
import type { ConfiguredAccount } from "../../config/accounts.ts";
import { exitCode } from "../../core/exit-code.ts";
import { formatBytes } from "../../core/units.ts";
import { AppError, type ErrorCode, errorView, toAppError } from "../../errors.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { accountNamed } from "../named-account.ts";
import { openApp } from "../open-app.ts";
import { withCommandStep } from "../output/next-step.ts";

export const accountCheck = defineCommand({
  name: "account check",
  summary: "log in and show what the host says",
  details: [
    "One login for each account; UploadGig limits how often one may log in. A success lifts an earlier refusal, so that " +
      "uploads go on.",
  ],
  examples: [
    ["hoist account check", "every account that has a login"],
    ["hoist account check ulozto --json", "one account, as a JSON object"],
  ],
  operands: { usage: "[name…]", min: 0, max: 100 },
  options: {
    format: { type: "choice", choices: ["text", "json"], default: "text", summary: "text or json" },
    json: { type: "flag", summary: "the same as --format json" },
  },
  async run(context, { format, json }) {
    await using app = await openApp(context, { command: "account check" });
    const accounts = await chosen(app, context.operands);
    const codes: ErrorCode[] = [];
    for (const account of accounts) {
      const code = await check(app, account, context, json || format === "json");
      if (code !== null) codes.push(code);
    }
    return exitCode(codes, codes.length < accounts.length);
  },
});

async function chosen({ config }: App, names: readonly string[]): Promise<readonly ConfiguredAccount[]> {
  if (names.length > 0) return [...new Set(names)].map((name) => accountNamed(config.accounts, name));
  const ready: ConfiguredAccount[] = [];
  for (const account of config.accounts.values()) {
    if (account.inFile || account.user !== "" || (await account.secretSources()).length > 0) ready.push(account);
  }
  if (ready.length > 0) return ready;
  throw new AppError("config", "no account has a login", { hint: "add one with: hoist account add" });
}

/** Null when the login works, else why not. */
async function check(
  app: App,
  account: ConfiguredAccount,
  { io, out }: CommandContext,
  asJson: boolean,
): Promise<ErrorCode | null> {
  const about = { v: 1, type: "account", name: account.name, host: account.host.id };
  try {
    const { login, freeBytes, details } = await app.check(account, io.signal);
    if (asJson) out.json({ ...about, ok: true, login, freeBytes, details });
    else {
      const free = freeBytes === null ? [] : [`${formatBytes(freeBytes)} free`];
      const facts = Object.entries(details).map(([name, value]) => `${name}: ${value}`);
      out.print(`${account.name}: ${["the login works", login, ...free, ...facts].join(", ")}`);
    }
    return null;
  } catch (thrown) {
    const error = withCommandStep(toAppError(thrown));
    if (error.code === "cancelled") throw error;
    if (asJson) out.json({ ...about, ok: false, error: errorView(error) });
    out.error(error, account.name);
    return error.code;
  }
}
