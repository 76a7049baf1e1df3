import type { PresetName } from "../../config/hooks-schema.ts";
import type { Preset } from "./preset.ts";
import { bililive } from "./presets/bililive.ts";
import { generic } from "./presets/generic.ts";
import { mediamtx } from "./presets/mediamtx.ts";
import { qbittorrent } from "./presets/qbittorrent.ts";
import { radarr } from "./presets/radarr.ts";
import { sonarr } from "./presets/sonarr.ts";
import { transmission } from "./presets/transmission.ts";

export const PRESET_OF = {
  sonarr,
  radarr,
  qbittorrent,
  transmission,
  mediamtx,
  bililive,
  generic,
} as const satisfies Record<PresetName, Preset>;
