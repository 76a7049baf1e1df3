import { readFields } from "../fields.ts";
import type { Preset } from "../preset.ts";
import { curlCommand, unableToSign } from "./curl.ts";

/**
 * A segment is called after the moment it was begun, to the microsecond, so its path is never used again; only a server
 * without playback takes a `recordPath` that lacks it.
 */
const HOLDS_MOMENT = /\d{4}\D?\d\d\D?\d\d\D?\d\d\D?\d\d\D?\d\d|(?<!\d)1\d{9}(?!\d)[^/]*$/;

/** There is no webhook: MediaMTX runs a command. In its own examples `path` is the stream and `segment_path` the file. */
export const mediamtx: Preset = {
  name: "mediamtx",
  directories: false,
  pathTellsApart: true,
  sameFile: "path (and duration, where the name holds no time)",
  recognize: () => null,
  find(payload) {
    const fields = readFields(payload);
    const path = fields("path", "file");
    const segment = fields("segment_path", "MTX_SEGMENT_PATH") ?? (path?.startsWith("/") ? path : null);
    if (segment === null) return { files: [], eventId: null };
    const duration = fields("segment_duration", "MTX_SEGMENT_DURATION", "duration");
    const identity = duration === null || HOLDS_MOMENT.test(segment) ? [] : [duration];
    return { files: [{ paths: [segment], identity }], eventId: null };
  },
  sample: (folder) => ({
    segment_path: `${folder}/camera/2026-01-31_18-00-00-000000.mp4`,
    path: "camera",
    duration: "3600.5",
  }),
  setup: (sender) => [
    "MediaMTX: in mediamtx.yml, under pathDefaults or a path (curl must be installed where MediaMTX runs):",
    `  runOnRecordSegmentComplete: '${curlCommand(sender, ["segment_path=$MTX_SEGMENT_PATH", "path=$MTX_PATH", "duration=$MTX_SEGMENT_DURATION"])}'`,
    "  A relative recordPath is looked for below base.",
    ...unableToSign(sender, "bearer"),
  ],
};
