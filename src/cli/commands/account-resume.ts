import { type AccountState, RESUMED } from "../../core/job-store.ts";
import { defineCommand } from "../command.ts";
import { accountNamed } from "../named-account.ts";
import { openApp } from "../open-app.ts";
import { localTime } from "../output/local-time.ts";

export const accountResume = defineCommand({
  name: "account resume",
  summary: "go on with an account that was paused or refused",
  details: ["Also forgets that its login was refused, so that it is tried again."],
  examples: [["hoist account resume ulozto", "then: hoist resume"]],
  operands: { usage: "<name…>", min: 1, max: 100 },
  options: {},
  async run(context) {
    await using app = await openApp(context, { command: "account resume" });
    const accounts = context.operands.map((name) => accountNamed(app.config.accounts, name));
    const store = await app.store();
    for (const { key, name } of accounts) {
      const before = await store.account(key);
      await store.saveAccount(key, RESUMED);
      context.out.note(`${name} ${whatFollows(before)}; hoist resume goes on with those that were left`);
    }
    return 0;
  },
});

/** A resume does not end what the host has asked for, nor make a login right. */
function whatFollows({ coolDownUntil, refusedSecret }: AccountState): string {
  const rests = coolDownUntil !== null && coolDownUntil > Date.now();
  const rest = rests ? `, but its host asked for a pause until ${localTime(coolDownUntil)}` : "";
  if (refusedSecret !== null) return `tries its login, which was refused, again with the next upload${rest}`;
  return rests ? `is no longer paused${rest}` : "takes uploads again";
}
