import { defineCommand } from "../command.ts";
import { accountNamed } from "../named-account.ts";
import { openApp } from "../open-app.ts";

export const accountPause = defineCommand({
  name: "account pause",
  summary: "start no more uploads to an account",
  details: [
    "Holds for every process that shares the state directory. Uploads under way go on; hoist up ends with exit code 11 " +
      "and leaves its uploads to hoist resume, hoist serve lets them wait.",
  ],
  examples: [["hoist account pause ulozto", "until: hoist account resume ulozto"]],
  operands: { usage: "<name…>", min: 1, max: 100 },
  options: {},
  async run(context) {
    await using app = await openApp(context, { command: "account pause" });
    const accounts = context.operands.map((name) => accountNamed(app.config.accounts, name));
    const store = await app.store();
    for (const { key, name } of accounts) {
      await store.saveAccount(key, { paused: true, pausedBecause: null });
      context.out.note(`${name} is paused; go on with: hoist account resume ${name}`);
    }
    return 0;
  },
});
