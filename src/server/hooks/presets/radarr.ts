import * as v from "valibot";
import { maybeText, type Preset, parseAs } from "../preset.ts";
import { arrFile, foundArrFile, recognizeArr, SAME_ARR_FILE, setupArr } from "./arr.ts";

const radarrPayload = v.object({
  movie: v.nullish(v.object({ folderPath: maybeText })),
  movieFile: v.nullish(arrFile),
  downloadId: maybeText,
});

export const radarr: Preset = {
  name: "radarr",
  directories: false,
  pathTellsApart: false,
  sameFile: SAME_ARR_FILE,
  recognize: (payload) => recognizeArr(parseAs("Radarr", v.object({ eventType: maybeText }), payload).eventType),
  find(payload) {
    const { movie, movieFile, downloadId } = parseAs("Radarr", radarrPayload, payload);
    return { files: movieFile ? [foundArrFile(movieFile, movie?.folderPath ?? null, downloadId)] : [], eventId: null };
  },
  sample(folder) {
    const folderPath = `${folder}/Example Movie (2020)`;
    const relativePath = "Example Movie (2020).mkv";
    return {
      eventType: "Download",
      isUpgrade: false,
      movie: { id: 1, title: "Example Movie", year: 2020, folderPath },
      movieFile: { id: 1, relativePath, path: `${folderPath}/${relativePath}` },
    };
  },
  setup: (sender) => setupArr("Radarr", sender, "On File Import, On File Upgrade (older: On Import, On Upgrade)"),
};
