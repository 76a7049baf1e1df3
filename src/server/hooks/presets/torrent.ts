import type { Fields } from "../fields.ts";
import { joinName } from "../fields.ts";
import type { FoundFiles } from "../preset.ts";

/** The hash is that of what is in it: a torrent that is loaded again is what it was. */
export const SAME_TORRENT = "torrent hash and path";

/** What a torrent client's command line says: a content path, or a directory and a name; a hash tells torrents apart. */
export function findTorrent(
  path: string | null,
  directory: string | null,
  name: string | null,
  hash: string | null,
): FoundFiles {
  const found = path ?? joinName(directory, name);
  if (found === null) return { files: [], eventId: hash };
  return { files: [{ paths: [found], identity: hash === null ? null : [hash] }], eventId: hash };
}

/** qBittorrent writes "-" for a hash that a torrent does not have. */
export function hashOf(fields: Fields, ...names: readonly string[]): string | null {
  const hashes = names.map((name) => fields(name)).filter((hash) => hash !== null && hash !== "-");
  return hashes[0]?.toLowerCase() ?? null;
}
