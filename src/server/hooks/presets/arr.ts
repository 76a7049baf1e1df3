import * as v from "valibot";
import { type FoundFile, maybeId, maybeText, type NoUpload, type SenderSetup } from "../preset.ts";
import { SECRET, unableToSign, urlFor } from "./curl.ts";

/** Sonarr's and Radarr's common ground. */
export const arrFile = v.object({ id: maybeId, path: maybeText, relativePath: maybeText });
export type ArrFile = v.InferOutput<typeof arrFile>;

/** A file that replaces another has an id of its own, also where the path stays. */
export const SAME_ARR_FILE = "file id and path";

/** `Download` is every import, upgrades among them; a payload without a type is taken for one. */
export function recognizeArr(eventType: string | null): NoUpload | null {
  const type = eventType?.toLowerCase() ?? "download";
  if (type === "test") return { kind: "test" };
  return type === "download" ? null : { kind: "skipped", reason: "only imports (Download) are uploaded" };
}

/**
 * Until autumn 2024 both named the file in the download folder; where it ends up is the library folder and the
 * relative path in every version.
 */
export function foundArrFile(file: ArrFile, folder: string | null, downloadId: string | null): FoundFile {
  const inLibrary =
    folder === null || file.relativePath === null ? null : `${folder.replace(/[\\/]$/, "")}/${file.relativePath}`;
  const paths = [file.path, inLibrary].filter((path) => path !== null);
  const id = file.id ?? downloadId;
  return { paths, identity: id === null ? null : [id] };
}

export function setupArr(program: string, sender: SenderSetup, triggers: string): string[] {
  const credentials: Partial<Record<NonNullable<SenderSetup["auth"]>, string>> = {
    basic: `Username and Password: those of auth.basic`,
    query_token: `Username and Password: leave empty`,
  };
  return [
    `${program}: Settings → Connect → + → Webhook`,
    `  Notification Triggers: ${triggers}`,
    `  Webhook URL: ${urlFor(sender)}`,
    "  Method: POST",
    `  ${(sender.auth && credentials[sender.auth]) ?? `Headers (Show Advanced): Authorization = Bearer ${SECRET}; older versions need auth = { basic = … }`}`,
    "  then Test and Save",
    ...unableToSign(sender, "basic"),
  ];
}
