import { type Listed, listRemote } from "../../core/remote/list.ts";
import { formatBytes } from "../../core/units.ts";
import { defineCommand } from "../command.ts";
import { table } from "../output/table.ts";
import { withFolders } from "../with-folders.ts";

export const ls = defineCommand({
  name: "ls",
  summary: "list what stands on a host",
  details: [
    "Folders end with a slash. Where several things have one name, each is shown with its id, and ACCOUNT:id:ID means " +
      "that one alone, in every command.",
  ],
  examples: [
    ["hoist ls ulozto:/Backups", "names"],
    ["hoist ls -l ulozto:/Backups", "sizes, times, ids and links as well"],
    ["hoist ls -R --json ulozto", "everything in the account, one JSON object per line"],
  ],
  operands: { usage: "<account[:path]>", min: 1, max: 1 },
  options: {
    long: { type: "flag", short: "l", summary: "sizes, times, ids and links" },
    recursive: { type: "flag", short: "R", summary: "folders with everything in them" },
    format: { type: "choice", choices: ["text", "json"], default: "text", summary: "text or json" },
    json: { type: "flag", summary: "the same as --format json" },
  },
  run: (context, { long, recursive, format, json }) =>
    withFolders(context, "ls", context.operands, async (folders, [address]) => {
      if (address === undefined) return 0;
      const { out, io } = context;
      const rows: string[][] = [];
      const start = address.path === null ? `id:${address.id}` : address.path;
      for await (const listed of listRemote(folders, address, recursive, io.signal)) {
        if (json || format === "json") out.json(viewOf(listed, address.account.name));
        else if (long) rows.push(longRow(listed, start, recursive));
        else out.print(nameOf(listed, start, recursive));
      }
      if (rows.length > 0) for (const line of table(["size", "time", "id", "name", "link"], rows)) out.print(line);
      return 0;
    }),
});

function nameOf({ entry, path, twin }: Listed, start: string, recursive: boolean): string {
  const below = path.startsWith(`${start}/`) ? path.slice(start.length + 1) : path.replace(/^\//, "");
  const name = `${recursive ? below : entry.name}${entry.kind === "folder" ? "/" : ""}`;
  return twin ? `${name}  id:${entry.id}` : name;
}

function longRow(listed: Listed, start: string, recursive: boolean): string[] {
  const { entry } = listed;
  const size = entry.size === null ? "–" : formatBytes(entry.size);
  const name = nameOf({ ...listed, twin: false }, start, recursive);
  return [size, entry.time ?? "–", `id:${entry.id}`, name, entry.url ?? ""];
}

function viewOf({ entry, path, twin }: Listed, account: string) {
  const { kind, id, name, size, url, time } = entry;
  return { v: 1, type: "entry", kind, account, path, name, id, size, url, time, twin };
}
