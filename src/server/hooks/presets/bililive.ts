import * as v from "valibot";
import { readFields } from "../fields.ts";
import { type FoundFiles, maybeId, maybeText, type Preset, parseAs } from "../preset.ts";
import { curlCommand, unableToSign, urlFor } from "./curl.ts";

/** Only tells recordings apart: whatever it is, it keeps no file from being uploaded. */
const fact = v.fallback(maybeId, null);
/** BililiveRecorder, Webhook v2: every event in one envelope. */
const v2 = v.object({
  EventId: maybeText,
  EventData: v.nullish(
    v.object({ RelativePath: maybeText, FileOpenTime: fact, FileCloseTime: fact, FileSize: fact }),
    {},
  ),
});
/** Webhook v1 has no type: it tells of closed files only. */
const v1 = v.object({
  EventRandomId: maybeText,
  RelativePath: maybeText,
  StartRecordTime: fact,
  EndRecordTime: fact,
  FileSize: fact,
});
const eitherVersion = v.object({ EventType: maybeText, RelativePath: maybeText });

/**
 * Both versions may be sent for one file, each with an id of its own, and a name is free again once its file is moved:
 * a recording is known by when it was begun and ended, and by its size, which both versions take from the same event.
 * Windows writes `\`, which none of these names can hold.
 */
function found(path: string | null, eventId: string | null, facts: readonly (string | null)[]): FoundFiles {
  if (path === null) return { files: [], eventId };
  const identity = facts.every((each) => each === null) ? null : facts.map((each) => each ?? "");
  return { files: [{ paths: [path.replaceAll("\\", "/")], identity }], eventId };
}

/** The same for every way of writing a moment. */
function moment(text: string | null): string | null {
  const ms = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? text : new Date(ms).toISOString();
}

export const bililive: Preset = {
  name: "bililive",
  directories: false,
  pathTellsApart: false,
  sameFile: "path, times and size",
  recognize(payload) {
    const { EventType } = parseAs("BililiveRecorder", eitherVersion, payload);
    return EventType === null || EventType === "FileClosed"
      ? null
      : { kind: "skipped", reason: "only closed files (FileClosed) are uploaded" };
  },
  find(payload) {
    const { EventType, RelativePath } = parseAs("BililiveRecorder", eitherVersion, payload);
    if (EventType !== null) {
      const { EventId, EventData } = parseAs("BililiveRecorder", v2, payload);
      const { RelativePath: path, FileOpenTime, FileCloseTime, FileSize } = EventData;
      return found(path, EventId, [moment(FileOpenTime), moment(FileCloseTime), FileSize]);
    }
    if (RelativePath !== null) {
      const { EventRandomId, StartRecordTime, EndRecordTime, FileSize } = parseAs("BililiveRecorder", v1, payload);
      return found(RelativePath, EventRandomId, [moment(StartRecordTime), moment(EndRecordTime), FileSize]);
    }
    return found(readFields(payload)("path", "file", "FileName"), null, []);
  },
  sample: () => ({
    EventType: "FileClosed",
    EventId: "00000000-0000-4000-8000-000000000000",
    EventData: {
      RoomId: 1,
      Name: "Example",
      Title: "Example",
      RelativePath: "1-Example/recording.flv",
      FileSize: 816_412,
      FileOpenTime: "2026-01-31T18:00:00.1234567+08:00",
      FileCloseTime: "2026-01-31T18:00:05.1234567+08:00",
    },
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
