import type { App } from "../../app.ts";
import type { ConfiguredAccount } from "../../config/accounts.ts";
import { secretVariable } from "../../config/names.ts";
import type { Environment } from "../../config/place.ts";
import { formatBytes, formatTime } from "../../core/units.ts";
import { proxyOf } from "../../http/proxy.ts";
import { reach } from "../../http/reach.ts";
import { type Finding, look } from "./finding.ts";

const CONNECT_MS = 10_000;

/** Whether anybody began to set the account up. */
export async function isSetUp(account: ConfiguredAccount): Promise<boolean> {
  return account.inFile || account.user !== "" || (await account.secretSources()).length > 0;
}

/** Reads the secrets as an upload would; no call is made. */
export function credentials(account: ConfiguredAccount): Promise<Finding> {
  return look(`credentials ${account.name}`, async () => {
    const secrets = await account.credentials();
    const sources = await account.secretSources();
    const from = sources.map(({ secret, origin }) => `${secret} from ${origin}`).join(", ");
    const text = `${account.user}, ${from}`;
    if (!account.host.accepts.includes("apiKey") || secrets.apiKey !== undefined) return { state: "ok", text };
    return {
      state: "note",
      text: `${text}; ${account.host.title} is called with its published test key, which may stop any day`,
      hint: `ask the host for a key of your own and set ${secretVariable(account.name, "apiKey")}`,
    };
  });
}

/** What the ledger remembers against the account. */
export function standing(account: ConfiguredAccount, app: App): Promise<Finding> {
  return look(`account ${account.name}`, async () => {
    const state = await (await app.store()).account(account.key);
    if (state.refusedSecret !== null) {
      return {
        state: "warning",
        text: `the host refused its login${state.refusedMessage === null ? "" : `: "${state.refusedMessage}"`}`,
        hint: `correct the secret, or try again with: hoist account check ${account.name}`,
      };
    }
    if (state.coolDownUntil !== null && state.coolDownUntil > Date.now()) {
      return {
        state: "warning",
        text: `cooling down until ${formatTime(state.coolDownUntil)}`,
        hint: "uploads wait for it",
      };
    }
    return { state: "ok", text: "nothing stands against it" };
  });
}

/** TCP and TLS only: no login is spent. */
export function reachability(url: string, env: Environment, signal: AbortSignal): Promise<Finding> {
  const { origin } = new URL(url);
  return look(`reach ${origin}`, async () => {
    const proxy = proxyOf(url, env);
    const ms = await reach(proxy?.origin ?? url, CONNECT_MS, signal);
    return {
      state: "ok",
      text: `${proxy === null ? "connected" : `proxy ${proxy.host} connected`} in ${Math.round(ms)} ms`,
    };
  });
}

export function login(account: ConfiguredAccount, app: App, signal: AbortSignal): Promise<Finding> {
  return look(`login ${account.name}`, async () => {
    const { login: name, freeBytes } = await app.check(account, signal);
    return { state: "ok", text: `${name}${freeBytes === null ? "" : `, ${formatBytes(freeBytes)} free`}` };
  });
}
