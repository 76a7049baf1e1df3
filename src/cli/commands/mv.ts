import { moveRemote } from "../../core/remote/move.ts";
import { AppError } from "../../errors.ts";
import { defineCommand } from "../command.ts";
import { withFolders } from "../with-folders.ts";

export const mv = defineCommand({
  name: "mv",
  summary: "move or rename files and folders on a host",
  details: [
    "As mv: into the last folder named if it is there, else to that name. Nothing is ever replaced, and everything is " +
      "looked at before the first change.",
  ],
  examples: [
    ["hoist mv ulozto:/a.bin ulozto:/b.bin", "another name"],
    ["hoist mv ulozto:/a.bin ulozto:/Old ulozto:/Backups", "a file and a folder into a folder"],
    ["hoist mv ulozto:id:5QtEPnp2z1l ulozto:/Backups", "the one of several with that id"],
  ],
  operands: { usage: "<account:path…> <account:path>", min: 2, max: 1000 },
  options: { json: { type: "flag", summary: "what was moved as JSON objects" } },
  run: (context, { json }) =>
    withFolders(context, "mv", context.operands, async (folders, addresses) => {
      const target = addresses.at(-1);
      if (target === undefined) throw new AppError("usage", "nothing is named");
      const account = target.account.name;
      for await (const { entry, from, to } of moveRemote(folders, addresses.slice(0, -1), target, context.io.signal)) {
        const { kind, id } = entry;
        if (json) context.out.json({ v: 1, type: "moved", kind, account, id, from, path: to });
      }
      return 0;
    }),
});
