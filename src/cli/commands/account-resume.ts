import { RESUMED } from "../../core/job-store.ts";
import { defineCommand } from "../command.ts";
import { accountNamed } from "../named-account.ts";
import { openApp } from "../open-app.ts";

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
      await store.saveAccount(key, RESUMED);
      context.out.note(`${name} takes uploads again; hoist resume goes on with those that were left`);
    }
    return 0;
  },
});
