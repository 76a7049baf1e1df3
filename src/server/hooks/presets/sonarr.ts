import * as v from "valibot";
import { maybeText, type Preset, parseAs } from "../preset.ts";
import { arrFile, foundArrFile, recognizeArr, SAME_ARR_FILE, setupArr } from "./arr.ts";

const sonarrPayload = v.object({
  eventType: maybeText,
  series: v.nullish(v.object({ path: maybeText })),
  /** "On File Import", "On File Upgrade": one file. */
  episodeFile: v.nullish(arrFile),
  /** "On Import Complete": all files of a download, each of which has had its own event. */
  episodeFiles: v.nullish(v.array(arrFile), []),
  downloadId: maybeText,
});

export const sonarr: Preset = {
  name: "sonarr",
  directories: false,
  pathTellsApart: false,
  sameFile: SAME_ARR_FILE,
  recognize: (payload) => recognizeArr(parseAs("Sonarr", v.object({ eventType: maybeText }), payload).eventType),
  find(payload) {
    const { series, episodeFile, episodeFiles, downloadId } = parseAs("Sonarr", sonarrPayload, payload);
    const files = [...(episodeFile ? [episodeFile] : []), ...episodeFiles];
    return { files: files.map((file) => foundArrFile(file, series?.path ?? null, downloadId)), eventId: null };
  },
  sample(folder) {
    const path = `${folder}/Example Series`;
    const relativePath = "Season 01/Example Series - S01E01.mkv";
    return {
      eventType: "Download",
      isUpgrade: false,
      series: { id: 1, title: "Example Series", path, year: 2020 },
      episodes: [{ id: 1, seasonNumber: 1, episodeNumber: 1, title: "Pilot" }],
      episodeFile: { id: 1, relativePath, path: `${path}/${relativePath}` },
    };
  },
  setup: (sender) => setupArr("Sonarr", sender, "On File Import, On File Upgrade (older: On Import, On Upgrade)"),
};
