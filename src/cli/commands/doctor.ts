import { stat } from "node:fs/promises";
import type { App } from "../../app.ts";
import { stateDirectory as stateDirectoryOf } from "../../config/paths.ts";
import { thisPlace } from "../../config/place.ts";
import { unknownVariables } from "../../config/variables.ts";
import { exitCode } from "../../core/exit-code.ts";
import { AppError, type ErrorCode, toAppError } from "../../errors.ts";
import { COMMIT, VERSION } from "../../version.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { credentials, isSetUp, login, reachability, standing } from "../doctor/accounts.ts";
import { type Finding, failed } from "../doctor/finding.ts";
import { clock, disk, stateDirectory } from "../doctor/machine.ts";
import { serveConfig } from "../doctor/serve-config.ts";
import { readiness } from "../doctor/server.ts";
import { openApp } from "../open-app.ts";
import { tint } from "../output/output.ts";
import { SERVER_OPTIONS } from "../server/find-server.ts";

const STYLES = { ok: "green", note: "cyan", warning: "yellow", failed: "red" } as const;

export const doctor = defineCommand({
  name: "doctor",
  summary: "check configuration, credentials, network and disk",
  details: [
    "Hosts are connected to and left again: no login is spent, which UploadGig would count, unless you ask for it.",
    "Where a server is set up, its configuration is judged as hoist serve would, for the user who asks.",
    "The exit code is 0 when nothing failed, else that of the failure (hoist help exit-codes).",
  ],
  examples: [
    ["hoist doctor", "look at everything"],
    ["hoist doctor --login", "log in to each account as well"],
    ["hoist doctor --json", "one JSON object for each check"],
    ["hoist doctor --ready", "for a container's health check"],
  ],
  options: {
    login: { type: "flag", summary: "log in to every account that is set up" },
    ready: { type: "flag", summary: "only ask a running server whether it is ready: exit code 0 or 5" },
    format: { type: "choice", choices: ["text", "json"], default: "text", summary: "text or json" },
    json: { type: "flag", summary: "the same as --format json" },
    ...SERVER_OPTIONS,
  },
  async run(context, values) {
    if (values.ready && values.login) throw new AppError("usage", "--ready and --login exclude each other");
    if (values.server !== undefined && !values.ready) throw new AppError("usage", "--server is about --ready");
    const codes: ErrorCode[] = [];
    for await (const finding of values.ready ? [readiness(context, values.server)] : findings(context, values.login)) {
      if (finding.code !== undefined) codes.push(finding.code);
      tell(finding, context, values.json || values.format === "json");
    }
    return exitCode(codes, false);
  },
});

async function* findings(context: CommandContext, withLogin: boolean): AsyncGenerator<Finding> {
  const { io, globals } = context;
  yield {
    check: "version",
    state: "note",
    text: `hoist ${VERSION} (${COMMIT}) on ${process.platform} ${process.arch}`,
  };
  yield clock();
  let opened: App | null = null;
  try {
    opened = await openApp(context, { command: "doctor" });
  } catch (thrown) {
    yield failed("config", toAppError(thrown));
  }
  await using app = opened;
  const directory = app?.config.stateDir ?? stateDirectoryOf(globals.stateDir, thisPlace(io.env));
  if (app !== null) {
    const { path } = app.config;
    yield { check: "config", state: "ok", text: path ?? "no file; the environment is fine" };
  }
  const state = await stateDirectory(directory, app);
  yield state;
  yield disk(directory);
  if (app === null) return;
  yield* accountFindings(app, context, { withLogin, withLedger: state.state !== "failed" });
  yield* serveConfig(app, io.env);
}

async function* accountFindings(
  app: App,
  { io }: CommandContext,
  { withLogin, withLedger }: { readonly withLogin: boolean; readonly withLedger: boolean },
): AsyncGenerator<Finding> {
  const all = [...app.config.accounts.values()];
  for (const { name, nearest } of unknownVariables(io.env, all)) {
    yield {
      check: "environment",
      state: "warning",
      text: `${name} means nothing to this version`,
      hint: nearest === undefined ? undefined : `the nearest variable is ${nearest}`,
    };
  }
  const accounts = [];
  for (const account of all) if (await isSetUp(account)) accounts.push(account);
  if (accounts.length === 0) {
    yield { check: "accounts", state: "warning", text: "none is set up", hint: "add one with: hoist account add" };
  }
  for (const account of accounts) yield credentials(account);
  // Asking the ledger would make one.
  const hasLedger = withLedger && (await stat(app.config.stateDir).catch(() => null)) !== null;
  if (hasLedger) for (const account of accounts) yield standing(account, app);
  const urls = (accounts.length === 0 ? all : accounts).map(({ endpoint }) => endpoint.baseUrl);
  const origins = [...new Set(urls.map((url) => new URL(url).origin))];
  yield* await Promise.all(origins.map((origin) => reachability(origin, io.env, io.signal)));
  if (withLogin) for (const account of accounts) yield login(account, app, io.signal);
}

function tell({ check, state, text, hint, code }: Finding, { out }: CommandContext, asJson: boolean): void {
  if (asJson) {
    out.json({ v: 1, type: "check", check, state, text, hint: hint ?? null, code: code ?? null });
    return;
  }
  // The mark is ours; what follows may be untrusted.
  out.terminal.out(`${tint(out.color, STYLES[state], state.padEnd(7))} `);
  out.print(`${check}: ${text}`);
  if (hint !== undefined) out.print(`        ${hint}`);
}
