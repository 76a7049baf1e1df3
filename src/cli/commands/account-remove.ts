import { removeAccount } from "../../config/edit.ts";
import { AppError } from "../../errors.ts";
import { defineCommand } from "../command.ts";
import { openApp } from "../open-app.ts";

export const accountRemove = defineCommand({
  name: "account remove",
  summary: "remove an account from the configuration",
  details: ["Its history stays. An account that the environment sets up goes with its variables."],
  examples: [["hoist account remove work", "take the section [accounts.work] out of the file"]],
  operands: { usage: "<name>", min: 1, max: 1 },
  options: {},
  async run(context) {
    await using app = await openApp(context, { command: "account remove" });
    const [name = ""] = context.operands;
    const { path, accounts } = app.config;
    if (path === null || accounts.get(name)?.inFile !== true) {
      throw new AppError("not_found", `the configuration file has no account "${name}"`, {
        hint: "hoist account list shows what there is and where it comes from",
      });
    }
    await removeAccount(path, name);
    context.out.note(`the account ${name} is removed from ${path}`);
    return 0;
  },
});
