import type { AccountView } from "../../../core/serving/jobs.ts";
import { element, safeLink } from "./dom.ts";

const STATES: Readonly<Record<AccountView["state"], string>> = {
  idle: "idle",
  busy: "uploading",
  "cooling-down": "cooling down",
  captcha: "waits for a person",
  stopped: "login refused",
  paused: "paused",
};

export function accountCard(account: AccountView, toggle: (account: AccountView) => void): HTMLElement {
  const halted = account.state === "paused" || account.state === "stopped";
  const page = safeLink(account.captchaUrl);
  return element(
    "li",
    { className: `account ${account.state}`, data: { account: account.name, state: account.state } },
    element("strong", {}, account.name),
    element("span", { className: "badge" }, STATES[account.state]),
    account.running > 0 ? element("span", {}, `${account.running} running`) : null,
    account.coolDownUntil === null ? null : element("span", {}, `until ${clock(account.coolDownUntil)}`),
    account.reason === null ? null : element("q", {}, account.reason),
    page === null
      ? null
      : element("a", { href: page, target: "_blank", rel: "noopener noreferrer" }, "Open the captcha"),
    element(
      "button",
      {
        type: "button",
        ariaLabel: `${halted ? "Resume" : "Pause"} ${account.name}`,
        onclick: () => toggle(account),
      },
      halted ? "Resume" : "Pause",
    ),
  );
}

function clock(timestamp: string): string {
  return new Date(timestamp).toLocaleTimeString();
}
