import { solveAhead } from "../../core/accounts/captcha-ahead.ts";
import type { EngineListener } from "../../core/events.ts";
import { readDuration } from "../argv/read-values.ts";
import { defineCommand } from "../command.ts";
import { accountNamed } from "../named-account.ts";
import { openApp } from "../open-app.ts";
import { openingPages } from "../open-page.ts";

const TEN_MINUTES = 600_000;

export const accountCaptcha = defineCommand({
  name: "account captcha",
  summary: "solve an account's captcha ahead of time",
  details: [
    "Asks the host for what an upload would ask for, shows the page if a captcha stands before it, and waits until it is " +
      "solved. Nothing is uploaded, and nothing is kept.",
  ],
  examples: [
    ["hoist account captcha ulozto", "show the page and wait"],
    ["hoist account captcha ulozto --open", "open it in the browser"],
  ],
  operands: { usage: "<name>", min: 1, max: 1 },
  options: {
    open: { type: "flag", summary: "open the page in the browser" },
    waitCaptcha: { type: "value", hint: "DUR", summary: "how long to wait for it (default: 10m)" },
    json: { type: "flag", summary: "the page as a JSON object" },
  },
  async run(context, { open, waitCaptcha, json }) {
    const { io, out, operands } = context;
    const waitCaptchaMs = readDuration("--wait-captcha", waitCaptcha) ?? TEN_MINUTES;
    const show: EngineListener = (event) => {
      if (event.type === "note") out.note(event.text);
      if (event.type !== "captcha") return;
      if (json) out.json({ v: 1, type: "captcha", account: event.account, url: event.url });
      out.call(`${event.account} wants a captcha solved; open this page: ${event.url}`);
    };
    const listen = open ? openingPages(show, io, out) : show;
    await using app = await openApp(context, { command: "account captcha", listen });
    const account = accountNamed(app.config.accounts, operands[0] ?? "");
    const { retryBaseMs } = app.config;
    const met = await app.use(account, (session) =>
      solveAhead(account, session, { waitCaptchaMs, retryBaseMs, listen }, io.signal),
    );
    out.note(met ? `${account.name}: solved` : `${account.name}: no captcha stands before an upload`);
    return 0;
  },
});
