import { readFields } from "../fields.ts";
import type { Preset } from "../preset.ts";
import { curlCommand, unableToSign } from "./curl.ts";
import { findTorrent, hashOf, SAME_TORRENT } from "./torrent.ts";

/** There is no webhook: qBittorrent runs a command, with %F, %N, %K … replaced in its words. */
export const qbittorrent: Preset = {
  name: "qbittorrent",
  directories: true,
  pathTellsApart: false,
  sameFile: SAME_TORRENT,
  recognize: () => null,
  find(payload) {
    const fields = readFields(payload);
    return findTorrent(
      fields("path", "content_path", "content", "file", "F"),
      fields("save_path", "dir", "directory", "D"),
      fields("name", "torrent_name", "N"),
      hashOf(fields, "hash", "id", "torrent_id", "info_hash", "K", "I", "info_hash_v1", "info_hash_v2", "J"),
    );
  },
  sample: (folder) => ({ path: `${folder}/example.iso`, name: "example.iso", hash: "0".repeat(40) }),
  setup: (sender) => [
    "qBittorrent: Tools → Options → Downloads → Run external program → Run on torrent finished",
    `  ${curlCommand(sender, ["path=%F", "name=%N", "hash=%K"])}`,
    "  The path may be a folder: everything in it is uploaded. Add rewrite if qBittorrent sees other paths than hoist.",
    ...unableToSign(sender, "bearer"),
  ],
};
