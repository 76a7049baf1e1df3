import { AppError } from "../../errors.ts";
import { json } from "../answer.ts";
import type { ServerDeps } from "../deps.ts";
import type { Call, Route } from "../route.ts";
import { accountsView, accountViewSchema } from "../schemas.ts";

/** `/v1/accounts`. */
export function accountRoutes({ jobs, log }: ServerDeps): readonly Route[] {
  const change = (action: "pause" | "resume", summary: string): Route => ({
    method: "POST",
    path: `/v1/accounts/{name}/${action}`,
    summary,
    access: "manage",
    crowd: "requests",
    body: { kind: "none" },
    answers: { 200: { description: "The account.", type: "application/json", schema: accountViewSchema } },
    async handle(call) {
      const name = nameOf(call);
      const view = await (action === "pause" ? jobs.pauseAccount(name) : jobs.resumeAccount(name));
      log.info(`account.${action}`, `${action}d by ${call.grant.name}`, { account: view.name, requestId: call.id });
      return json(view);
    },
  });
  return [
    {
      method: "GET",
      path: "/v1/accounts",
      summary: "Accounts and what their lanes are doing",
      access: "read",
      crowd: "requests",
      body: { kind: "none" },
      answers: { 200: { description: "All accounts.", type: "application/json", schema: accountsView } },
      handle: async () => json({ v: 1, accounts: await jobs.accounts() }),
    },
    change("pause", "Start no further upload of an account; the running one ends"),
    change("resume", "Go on with an account that was paused or stopped"),
  ];
}

/** What can be no account's name is the name of none. */
function nameOf({ params }: Call): string {
  const { name = "" } = params;
  if (/^[a-z0-9][a-z0-9-]{0,254}$/.test(name)) return name;
  throw new AppError("not_found", "there is no such account");
}
