import type { ConfiguredAccount } from "../../config/accounts.ts";
import type { SecretSource } from "../../config/secret-source.ts";
import { defineCommand } from "../command.ts";
import { openApp } from "../open-app.ts";
import { table } from "../table.ts";

export const accountList = defineCommand({
  name: "account list",
  summary: "list the accounts",
  details: ["Secrets are not read, let alone shown; it is told where each stands."],
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
    const views = await Promise.all([...app.config.accounts.values()].map(viewOf));
    if (json || format === "json") {
      for (const view of views) context.out.json(view);
      return 0;
    }
    const rows = views.map(({ name, host, user, url, secrets, ready }) => [
      name,
      host,
      user ?? "–",
      ready || secrets.length > 0 ? secrets.map(({ name: kind, from }) => `${kind}: ${from}`).join(", ") : "–",
      ready ? "ready" : "not set up",
      url,
    ]);
    for (const line of table(["name", "host", "login", "secret", "state", "url"], rows)) context.out.print(line);
    return 0;
  },
});

async function viewOf(account: ConfiguredAccount) {
  const sources: readonly SecretSource[] = await account.secretSources();
  const { name, host, user, endpoint, inFile } = account;
  return {
    v: 1,
    type: "account",
    name,
    host: host.id,
    user: user === "" ? null : user,
    url: endpoint.baseUrl,
    secrets: sources.map(({ secret, origin }) => ({ name: secret, from: origin })),
    inFile,
    /** User and secret are there, as far as can be told without reading any. */
    ready: user !== "" && sources.some(({ secret }) => host.needs.includes(secret)),
  };
}
