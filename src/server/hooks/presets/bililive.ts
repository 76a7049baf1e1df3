import * as v from "valibot";
import { readFields } from "../fields.ts";
import { type FoundFiles, maybeText, type Preset, parseAs } from "../preset.ts";
import { curlCommand, unableToSign, urlFor } from "./curl.ts";

/** BililiveRecorder, Webhook v2: every event in one envelope. */
const v2 = v.object({ EventId: maybeText, EventData: v.nullish(v.object({ RelativePath: maybeText })) });
/** Webhook v1 has no type: it tells of closed files only. */
const eitherVersion = v.object({ EventType: maybeText, EventRandomId: maybeText, RelativePath: maybeText });

/** A failed delivery is repeated unchanged, its id included. Windows writes `\`, which none of these names can hold. */
function found(path: string | null, eventId: string | null): FoundFiles {
  return { files: path === null ? [] : [{ paths: [path.replaceAll("\\", "/")], identity: eventId }], eventId };
}

export const bililive: Preset = {
  name: "bililive",
  directories: false,
  recognize(payload) {
    const { EventType } = parseAs("BililiveRecorder", eitherVersion, payload);
    return EventType === null || EventType === "FileClosed"
      ? null
      : { kind: "skipped", reason: "only closed files (FileClosed) are uploaded" };
  },
  find(payload) {
    const { EventType, EventRandomId, RelativePath } = parseAs("BililiveRecorder", eitherVersion, payload);
    if (EventType !== null) {
      const { EventId, EventData } = parseAs("BililiveRecorder", v2, payload);
      return found(EventData?.RelativePath ?? null, EventId);
    }
    if (RelativePath !== null) return found(RelativePath, EventRandomId);
    return found(readFields(payload)("path", "file", "FileName"), null);
  },
  sample: () => ({
    EventType: "FileClosed",
    EventId: "00000000-0000-4000-8000-000000000000",
    EventData: { RoomId: 1, Name: "Example", Title: "Example", RelativePath: "1-Example/recording.flv" },
  }),
  setup: (sender) => [
    "BililiveRecorder: settings → Webhook V2, one URL per line:",
    `  ${urlFor(sender)}`,
    ...(sender.auth === "query_token"
      ? []
      : ["  It can send no header and no signature: give the hook auth = { query_token = … } instead."]),
    "  Its paths are relative to its working directory: set base to that directory as hoist sees it.",
    "bililive-go has no webhook; in config.yml:",
    "  on_record_finished:",
    `    custom_commandline: '${curlCommand(sender, ["path={{ .FileName }}"])}'`,
    ...unableToSign(sender, "bearer"),
  ],
};
