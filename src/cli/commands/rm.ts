import { removeRemote } from "../../core/remote/remove.ts";
import { defineCommand } from "../command.ts";
import { withFolders } from "../with-folders.ts";

export const rm = defineCommand({
  name: "rm",
  summary: "delete files and folders on a host",
  details: [
    "Files go to the host's bin, where they lie for 30 days; folders go at once with everything in them, and need -r. A " +
      "deletion whose answer is lost is not repeated (exit 9), because a second one destroys what is in the bin.",
  ],
  examples: [
    ["hoist rm ulozto:/Backups/old.tar", "a file, into the bin"],
    ["hoist rm -r ulozto:/Old", "a folder and everything in it, for good"],
    ["hoist rm --permanently ulozto:/a.bin", "a file, for good"],
  ],
  operands: { usage: "<account:path…>", min: 1, max: 1000 },
  options: {
    recursive: { type: "flag", short: "r", summary: "also folders, at once and for good" },
    permanently: { type: "flag", summary: "do not leave files in the bin" },
    json: { type: "flag", summary: "what was deleted as JSON objects" },
  },
  run: (context, { recursive, permanently, json }) =>
    withFolders(context, "rm", context.operands, async (folders, addresses) => {
      const { out, io } = context;
      const account = addresses[0]?.account.name;
      for await (const removed of removeRemote(folders, addresses, { recursive, permanently }, io.signal)) {
        const { entry, from, forGood } = removed;
        if (json) out.json({ v: 1, type: "removed", kind: entry.kind, account, id: entry.id, from, forGood });
        else out.note(`${from}: ${forGood ? "deleted for good" : "in the bin for 30 days"}`);
      }
      return 0;
    }),
});
