import { makeFolder } from "../../core/remote/make-folder.ts";
import { defineCommand } from "../command.ts";
import { withFolders } from "../with-folders.ts";

export const mkdir = defineCommand({
  name: "mkdir",
  summary: "make folders on a host",
  details: ["Uploads make the folders that they need by themselves."],
  examples: [
    ["hoist mkdir ulozto:/Backups", "one folder in a folder that is there"],
    ["hoist mkdir -p ulozto:/Backups/2026/01", "with those above it; folders that are there are fine"],
  ],
  operands: { usage: "<account:path…>", min: 1, max: 100 },
  options: {
    parents: { type: "flag", short: "p", summary: "also the folders above; no error when it is there" },
    json: { type: "flag", summary: "the folders as JSON objects" },
  },
  run: (context, { parents, json }) =>
    withFolders(context, "mkdir", context.operands, async (folders, addresses) => {
      for (const address of addresses) {
        const { id, name } = await makeFolder(folders, address, parents, context.io.signal);
        const { account, path } = address;
        if (json) context.out.json({ v: 1, type: "entry", kind: "folder", account: account.name, path, name, id });
      }
      return 0;
    }),
});
