import type { App } from "../../app.ts";
import type { ConfiguredAccount } from "../../config/accounts.ts";
import type { SecretSource } from "../../config/secret-source.ts";
import { defineCommand } from "../command.ts";
import { openApp } from "../open-app.ts";
import { localTime } from "../output/local-time.ts";
import { table } from "../output/table.ts";

export const accountList = defineCommand({
  name: "account list",
  summary: "list the accounts",
  details: [
    "Secrets are not read, let alone shown; it is told where each stands, and what holds up uploads of the account: a " +
      "pause, a refused login, a cool-down, a captcha.",
  ],
  examples: [
    ["hoist account list", "a table"],
    ["hoist account list --json", "one JSON object per line"],
  ],
  options: {
    format: { type: "choice", choices: ["text", "json"], default: "text", summary: "text or json" },
    json: { type: "flag", summary: "the same as --format json" },
  },
  async run(context, { format, json }) {
    await using app = await openApp(context, { command: "account list" });
    const views: AccountView[] = [];
    for (const account of app.config.accounts.values())
      views.push(await viewOf(account, await standingOf(app, account)));
    if (json || format === "json") {
      for (const view of views) context.out.json(view);
      return 0;
    }
    const rows = views.map((view) => [
      view.name,
      view.host,
      view.user ?? "–",
      view.secrets.length > 0 ? view.secrets.map(({ name: kind, from }) => `${kind}: ${from}`).join(", ") : "–",
      stateText(view),
      view.url,
    ]);
    for (const line of table(["name", "host", "login", "secret", "state", "url"], rows)) context.out.print(line);
    return 0;
  },
});

type Standing = Awaited<ReturnType<App["standing"]>>;
type AccountView = Awaited<ReturnType<typeof viewOf>>;

async function standingOf(app: App, account: ConfiguredAccount): Promise<Standing> {
  return account.user === "" ? null : app.standing(account);
}

async function viewOf(account: ConfiguredAccount, standing: Standing) {
  const sources: readonly SecretSource[] = await account.secretSources();
  const { name, host, user, endpoint, inFile } = account;
  /** User and secret are there, as far as can be told without reading any. */
  const isSetUp = user !== "" && sources.some(({ secret }) => host.needs.includes(secret));
  const state = isSetUp ? (standing?.state ?? "idle") : "not-set-up";
  return {
    v: 1,
    type: "account",
    name,
    host: host.id,
    user: user === "" ? null : user,
    url: endpoint.baseUrl,
    secrets: sources.map(({ secret, origin }) => ({ name: secret, from: origin })),
    inFile,
    /** Set up, and nothing holds its uploads up. */
    ready: state === "idle" || state === "busy",
    state,
    /** The host refused the login; a pause may come on top of it. */
    refused: standing?.refused ?? false,
    reason: standing?.reason ?? null,
    coolDownUntil: standing?.coolDownUntil ?? null,
  };
}

function stateText({ state, refused, reason, coolDownUntil }: AccountView): string {
  const because = reason === null ? "" : `: ${reason}`;
  switch (state) {
    case "not-set-up":
      return "not set up";
    case "paused":
      return refused ? `paused, login refused${because}` : `paused${because}`;
    case "stopped":
      return `login refused${because}`;
    case "cooling-down":
      return `cooling down until ${localTime(Date.parse(coolDownUntil ?? ""))}`;
    case "captcha":
      return "waits for a captcha";
    case "busy":
      return "ready, busy";
    default:
      return "ready";
  }
}
