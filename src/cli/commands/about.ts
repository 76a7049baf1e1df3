import { folderAt } from "../../core/remote/find.ts";
import { formatBytes } from "../../core/units.ts";
import { defineCommand } from "../command.ts";
import { withFolders } from "../with-folders.ts";

export const about = defineCommand({
  name: "about",
  summary: "how much stands in an account or a folder",
  examples: [
    ["hoist about ulozto", "the whole account"],
    ["hoist about ulozto:/Backups --json", "a folder, as a JSON object"],
  ],
  operands: { usage: "<account[:path]>", min: 1, max: 1 },
  options: { json: { type: "flag", summary: "a JSON object" } },
  run: (context, { json }) =>
    withFolders(context, "about", context.operands, async (folders, [address]) => {
      if (address === undefined) return 0;
      const { out, io } = context;
      const folder = await folderAt(folders, address, io.signal);
      const { bytes, files, folders: below } = await folders.usage(folder.id, io.signal);
      const { account, path, typed } = address;
      const where = { account: account.name, host: account.host.id, path, id: folder.id };
      if (json) out.json({ v: 1, type: "about", ...where, bytes, files, folders: below });
      else out.print(`${typed}: ${formatBytes(bytes)} in ${count(files, "file")} and ${count(below, "folder")}`);
      return 0;
    }),
});

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
