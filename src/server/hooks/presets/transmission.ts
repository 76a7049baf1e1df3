import { readFields } from "../fields.ts";
import type { Preset } from "../preset.ts";
import { curlCommand, unableToSign } from "./curl.ts";
import { findTorrent, hashOf, SAME_TORRENT } from "./torrent.ts";

/** There is no webhook: Transmission runs a script with its facts in the environment. */
export const transmission: Preset = {
  name: "transmission",
  directories: true,
  pathTellsApart: false,
  sameFile: SAME_TORRENT,
  recognize: () => null,
  find(payload) {
    const fields = readFields(payload);
    return findTorrent(
      fields("path", "file"),
      fields("TR_TORRENT_DIR", "torrent_dir", "dir", "directory"),
      fields("TR_TORRENT_NAME", "torrent_name", "name"),
      hashOf(fields, "TR_TORRENT_HASH", "torrent_hash", "hash"),
    );
  },
  sample: (folder) => ({
    TR_TORRENT_DIR: folder,
    TR_TORRENT_NAME: "example.iso",
    TR_TORRENT_HASH: "0".repeat(40),
  }),
  setup: (sender) => [
    "Transmission: save as an executable script …",
    "  #!/bin/sh",
    ...curlCommand(
      sender,
      ["TR_TORRENT_DIR", "TR_TORRENT_NAME", "TR_TORRENT_HASH"].map((name) => `${name}=$${name}`),
      " \\\n  ",
    )
      .split("\n")
      .map((line, index) => (index === 0 ? `  exec ${line}` : `  ${line}`)),
    "… and name it in settings.json (while the daemon is stopped; 4.1 and later write _ for -):",
    '  "script-torrent-done-enabled": true,',
    '  "script-torrent-done-filename": "/path/of/the/script"',
    ...unableToSign(sender, "bearer"),
  ],
};
