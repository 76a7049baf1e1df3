import { readFields } from "../fields.ts";
import type { Preset } from "../preset.ts";
import { curlCommand, unableToSign } from "./curl.ts";

/** There is no webhook: MediaMTX runs a command. In its own examples `path` is the stream and `segment_path` the file. */
export const mediamtx: Preset = {
  name: "mediamtx",
  directories: false,
  recognize: () => null,
  find(payload) {
    const fields = readFields(payload);
    const path = fields("path", "file");
    const segment = fields("segment_path", "MTX_SEGMENT_PATH") ?? (path?.startsWith("/") ? path : null);
    // Its name holds the moment it was begun, so a segment's path is never used again.
    return { files: segment === null ? [] : [{ paths: [segment], identity: segment }], eventId: null };
  },
  sample: (folder) => ({ segment_path: `${folder}/camera/2026-01-31_18-00-00-000000.mp4`, path: "camera" }),
  setup: (sender) => [
    "MediaMTX: in mediamtx.yml, under pathDefaults or a path (curl must be installed where MediaMTX runs):",
    `  runOnRecordSegmentComplete: '${curlCommand(sender, ["segment_path=$MTX_SEGMENT_PATH", "path=$MTX_PATH"])}'`,
    "  A relative recordPath is looked for below base.",
    ...unableToSign(sender, "bearer"),
  ],
};
