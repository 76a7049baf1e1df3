import { describe, expect, test } from "bun:test";
import { jobOfPath, runHook } from "../../../src/server/hooks/run.ts";
import { arrival, fixture, get, hookOf, jobsOf, post, thrown, typed } from "./fixture.ts";

describe("Sonarr", () => {
  const toml = `[hooks.sonarr]
    preset = "sonarr"
    to = ["deep:/Series/{payload.series.title}", "flat"]
    base = "/srv/media/series"
    rewrite = [["/downloads/", "/srv/media/"]]
    roots = ["/srv/media"]
    settle = "10s"`;

  test("an import becomes one job in the folder of its series", async () => {
    const outcome = runHook(await hookOf(toml), arrival("sonarr-import.json"));
    if (outcome.kind !== "jobs") throw new Error(outcome.kind);
    const [job, ...more] = outcome.jobs;
    if (job === undefined) throw new Error("no job");
    expect(more).toEqual([]);
    expect(job).toMatchObject({
      originalPath: "/downloads/series/ACDC Live/Season 01/ACDC Live - S01E03.mkv",
      path: "/srv/media/series/ACDC Live/Season 01/ACDC Live - S01E03.mkv",
      name: null,
      recursive: false,
      settleMs: 10_000,
    });
    expect(typed(job)).toEqual(["deep:/Series/AC_DC: Live at ../ACDC Live/Season 01", "flat"]);
    expect(outcome.eventId).toBeNull();
  });

  test("the import of a file and the completion of its download are the same job", async () => {
    const hook = await hookOf(toml);
    const [single] = jobsOf(hook, arrival("sonarr-import.json"));
    const both = jobsOf(hook, arrival("sonarr-import-complete.json"));
    expect(both.map(({ path }) => path.slice(-10))).toEqual(["S01E03.mkv", "S01E04.mkv"]);
    expect(single?.key).toBeString();
    expect(both[0]?.key).toBe(single?.key as string);
    expect(both[1]?.key).not.toBe(single?.key as string);
  });

  test("a file that replaces another is another job, although its path is the same", async () => {
    const hook = await hookOf(toml);
    const [first] = jobsOf(hook, arrival("sonarr-import.json"));
    const text = new TextDecoder().decode(fixture("sonarr-import.json")).replace('"id": 702', '"id": 950');
    const [second] = jobsOf(hook, post(text));
    expect(second?.path).toBe(first?.path as string);
    expect(second?.key).not.toBe(first?.key as string);
  });

  test("versions that named the download are followed into the library", async () => {
    const inLibrary = await hookOf(`[hooks.sonarr]
      preset = "sonarr"
      to = ["deep:/"]
      base = "/tv"
      roots = ["/tv"]`);
    const [job] = jobsOf(inLibrary, arrival("sonarr-import-before-2024-08.json"));
    expect(job?.path).toBe("/tv/Example/Season 01/Example - S01E03.mkv");
    expect(job && typed(job)).toEqual(["deep:/Example/Season 01"]);
  });

  test.each(["sonarr-grab.json", "sonarr-episode-file-delete.json"])("%s is skipped", async (name) => {
    expect(runHook(await hookOf(toml), arrival(name))).toEqual({
      kind: "skipped",
      reason: "only imports (Download) are uploaded",
    });
  });

  test("its test is answered", async () => {
    expect(runHook(await hookOf(toml), arrival("sonarr-test.json"))).toEqual({ kind: "test" });
  });

  test("an import without a file is refused, a file of the wrong type is no payload", async () => {
    const hook = await hookOf(toml);
    const series = { title: "Canary", path: "/tv/Canary" };
    expect(thrown(() => runHook(hook, post({ eventType: "Download", series }))).code).toBe("source");
    expect(thrown(() => runHook(hook, post({}))).code).toBe("source");
    const failure = thrown(() =>
      runHook(hook, post({ eventType: "Download", series, episodeFile: { path: ["Canary"] } })),
    );
    expect(failure.code).toBe("usage");
    expect(failure.message).toContain("episodeFile.path");
    expect(failure.message).not.toContain("Canary");
  });

  test("nothing that Sonarr names by itself tells two requests apart", async () => {
    const [job] = jobsOf(
      await hookOf(toml),
      post({ eventType: "Download", series: { title: "A" }, episodeFile: { path: "/downloads/a.mkv" } }),
    );
    expect(job?.key).toBeNull();
  });
});

describe("Radarr", () => {
  const toml = `[hooks.radarr]
    preset = "radarr"
    to = ["deep:/Movies/{payload.movie.title} ({payload.movie.year})"]
    rewrite = [['d:\\filmy', "/mnt/filmy"]]
    roots = ["/mnt/filmy"]`;

  test("an upgrade on a Windows machine", async () => {
    const [job] = jobsOf(await hookOf(toml), arrival("radarr-upgrade.json"));
    expect(job?.path).toBe("/mnt/filmy/Nekde jinde (2019)/Nekde jinde (2019) Bluray-1080p.mkv");
    expect(job && typed(job)).toEqual(["deep:/Movies/Někde: jinde? (2019)"]);
    expect(job?.key).toContain('"99"');
  });

  test("a file that replaces another at its path is another job, the same one told again is not", async () => {
    const hook = await hookOf(toml);
    const upgrade = new TextDecoder().decode(fixture("radarr-upgrade.json"));
    const keyOf = (text: string) => jobsOf(hook, post(text))[0]?.key as string;
    expect(keyOf(upgrade)).toBe(keyOf(upgrade.replace('"isUpgrade": true', '"isUpgrade": false')));
    expect(keyOf(upgrade)).not.toBe(keyOf(upgrade.replace('"id": 99', '"id": 100')));
  });

  test("a Windows path that no rewrite leads here is refused", async () => {
    const hook = await hookOf(toml.replace("filmy'", "serialy'"));
    expect(thrown(() => runHook(hook, arrival("radarr-upgrade.json"))).code).toBe("source");
  });

  test("its test is answered, renames are skipped", async () => {
    const hook = await hookOf(toml);
    expect(runHook(hook, arrival("radarr-test.json")).kind).toBe("test");
    expect(runHook(hook, arrival("radarr-rename.json")).kind).toBe("skipped");
  });
});

describe("qBittorrent", () => {
  const toml = `[hooks.qb]
    preset = "qbittorrent"
    to = ["deep:/Torrents"]
    base = "/data"
    rewrite = [["/downloads", "/data"]]`;

  test("a form: the content path, perhaps a directory, known by its hash", async () => {
    const [job] = jobsOf(await hookOf(toml), arrival("qbittorrent.form"));
    expect(job).toMatchObject({ path: "/data/iso/Debian 12 + extras", name: null, recursive: true });
    expect(job && typed(job)).toEqual(["deep:/Torrents/iso"]);
    expect(job?.key).toContain("8c212779b4abde7c6bc608063a0d008b7e40ce32");
  });

  test("a torrent told again is the same job; another one at its path, and one without a hash, is not", async () => {
    const hook = await hookOf(toml);
    const keyOf = (text: string) => jobsOf(hook, post(text, "application/x-www-form-urlencoded"))[0]?.key as string;
    expect(keyOf("path=/downloads/a.iso&hash=AA")).toBe(keyOf("hash=aa&path=/downloads/./a.iso&name=a.iso"));
    expect(keyOf("path=/downloads/a.iso&hash=AA")).not.toBe(keyOf("path=/downloads/a.iso&hash=BB"));
    expect(keyOf("path=/downloads/a.iso&hash=-")).toBeNull();
  });

  test("JSON with the names of its API", async () => {
    const [job] = jobsOf(await hookOf(toml), arrival("qbittorrent.json"));
    expect(job?.path).toBe("/data/iso/debian.iso");
    expect(job?.key).toContain("8c212779b4abde7c6bc608063a0d008b7e40ce32");
  });

  test("save path and name, when the name is one", async () => {
    const hook = await hookOf(toml);
    const form = (text: string) => post(text, "application/x-www-form-urlencoded");
    expect(jobsOf(hook, form("D=/downloads/&N=a.iso")).map(({ path, key }) => [path, key])).toEqual([
      ["/data/a.iso", null],
    ]);
    for (const name of ["..", "../a.iso", "x/y", "..%5Ca"]) {
      expect(thrown(() => runHook(hook, form(`D=/downloads/&N=${name}`))).code).toBe("source");
    }
    expect(thrown(() => runHook(hook, post(["/downloads/a.iso"]))).code).toBe("usage");
  });
});

describe("Transmission", () => {
  test("the script's environment", async () => {
    const hook = await hookOf(`[hooks.tr]\npreset = "transmission"\nto = ["deep:/T"]`);
    const [job] = jobsOf(hook, arrival("transmission.form"));
    expect(job).toMatchObject({ path: "/downloads/iso/debian & more.iso", recursive: true });
    expect(job?.key).toContain("8c212779b4abde7c6bc608063a0d008b7e40ce32");
    expect(job && typed(job)).toEqual(["deep:/T"]);
  });
});

describe("MediaMTX", () => {
  const toml = `[hooks.cam]
    preset = "mediamtx"
    to = ["deep:/Cameras"]
    methods = ["POST", "GET"]`;

  test("a relative segment below base, the stream's folders kept", async () => {
    const hook = await hookOf(`${toml}\nbase = "/recordings"\nrewrite = [["./recordings", "/recordings"]]`);
    const [job] = jobsOf(hook, arrival("mediamtx.form"));
    expect(job).toMatchObject({
      originalPath: "./recordings/cam/front/2026-01-31_18-00-00-000000.mp4",
      path: "/recordings/cam/front/2026-01-31_18-00-00-000000.mp4",
    });
    expect(job && typed(job)).toEqual(["deep:/Cameras/cam/front"]);
  });

  test("the query of its documentation: path is the stream, not the file", async () => {
    const hook = await hookOf(toml);
    const [job] = jobsOf(hook, arrival("mediamtx.query"));
    expect(job?.path).toBe("/recordings/cam/front/2026-01-31_18-00-00-000000.mp4");
    expect(job?.key).toBe(jobsOf(hook, arrival("mediamtx.query"))[0]?.key as string);
    expect(thrown(() => runHook(hook, get("path=cam/front"))).code).toBe("source");
    expect(jobsOf(hook, get("path=/recordings/a.mp4"))[0]?.path).toBe("/recordings/a.mp4");
  });
});

describe("MediaMTX's segments", () => {
  const hook = hookOf(`[hooks.cam]\npreset = "mediamtx"\nto = ["deep:/"]\nbase = "/rec"`);
  const keyOf = async (path: string, duration?: string) => {
    const segment = { segment_path: path, path: "cam", ...(duration === undefined ? {} : { duration }) };
    return jobsOf(await hook, post(segment))[0]?.key as string;
  };

  test.each([
    "/rec/cam/2026-01-31_18-00-00-000000.mp4",
    "/rec/cam/2026/01/31/18-00-00.mp4",
    "cam/20260131_180000.mp4",
    "/rec/cam/1769878800.ts",
  ])("%s is known by its path", async (path) => {
    const key = await keyOf(path, "3600.5");
    expect(key).toBeString();
    expect(await keyOf(path)).toBe(key);
    expect(jobOfPath(await hook, path).key).toBe(key);
    expect(await keyOf(path.replace("1", "0"))).not.toBe(key);
  });

  test("a name that is used again is known by the segment's duration, too", async () => {
    const key = await keyOf("/rec/cam/friday.mp4", "3600.5");
    expect(await keyOf("/rec/cam/friday.mp4", "3600.5")).toBe(key);
    expect(await keyOf("/rec/cam/friday.mp4", "3599.9")).not.toBe(key);
    expect(await keyOf("/rec/1234567890/friday.mp4", "1")).not.toBe(await keyOf("/rec/1234567890/friday.mp4", "2"));
    expect(await keyOf("/rec/cam/friday.mp4")).toBe(jobOfPath(await hook, "/rec/cam/friday.mp4").key as string);
  });
});

describe("BililiveRecorder", () => {
  const toml = `[hooks.rec]
    preset = "bililive"
    to = ["deep:/Rec"]
    roots = ["/srv/rec"]`;

  test("a closed file, below the only root there is", async () => {
    const outcome = runHook(await hookOf(toml), arrival("bililive-file-closed.json"));
    if (outcome.kind !== "jobs") throw new Error(outcome.kind);
    expect(outcome.eventId).toBe("6f3c2a52-6ec1-4e1c-9a3b-0d6a2f9b7c11");
    const [job] = outcome.jobs;
    expect(job?.path).toBe("/srv/rec/1000-示例/录制-1000-20260131-180000-标题.flv");
    expect(job?.countedBy).toBe("file");
    expect(job && typed(job)).toEqual(["deep:/Rec"]);
  });

  test("with base the room's folder is kept", async () => {
    const hook = await hookOf(`${toml}\nbase = "/srv/rec/b"`);
    const [job] = jobsOf(hook, arrival("bililive-file-closed.json"));
    expect(job?.path).toStartWith("/srv/rec/b/1000");
    expect(job && typed(job)).toEqual(["deep:/Rec/1000-示例"]);
  });

  test("an opened file is skipped", async () => {
    expect(runHook(await hookOf(toml), arrival("bililive-file-opening.json"))).toEqual({
      kind: "skipped",
      reason: "only closed files (FileClosed) are uploaded",
    });
  });

  test("Webhook v1 from Windows", async () => {
    const [job] = jobsOf(await hookOf(toml), arrival("bililive-v1.json"));
    expect(job?.path).toBe("/srv/rec/1000/record/20260131/180000.flv");
    expect(job?.countedBy).toBe("file");
  });

  describe("one recording is one job", () => {
    const closed = JSON.parse(new TextDecoder().decode(fixture("bililive-file-closed.json")));
    const { RelativePath, FileSize, FileOpenTime, FileCloseTime } = closed.EventData;
    const hook = hookOf(toml);
    const keyOf = async (payload: unknown) => jobsOf(await hook, post(payload))[0]?.key as string;
    const told = (data: object) =>
      keyOf({ ...closed, EventId: crypto.randomUUID(), EventData: { ...closed.EventData, ...data } });
    const toldByV1 = (data: object = {}) =>
      keyOf({
        EventRandomId: crypto.randomUUID(),
        RoomId: 1000,
        RelativePath,
        FileSize,
        StartRecordTime: FileOpenTime,
        EndRecordTime: FileCloseTime,
        ...data,
      });

    test("whichever version tells of it, in whatever time zone", async () => {
      const key = await keyOf(closed);
      expect(key).toBeString();
      expect(await toldByV1()).toBe(key);
      expect(await toldByV1({ RelativePath: RelativePath.replaceAll("/", "\\") })).toBe(key);
      expect(await toldByV1({ EndRecordTime: "2026-01-31T10:00:05.1234567Z" })).toBe(key);
    });

    test("and another one that takes its name is another", async () => {
      const key = await keyOf(closed);
      for (const later of [
        { FileOpenTime: "2026-02-01T18:00:00+08:00" },
        { FileCloseTime: "never" },
        { FileSize: 1 },
      ]) {
        expect(await told(later)).not.toBe(key);
      }
      expect(await told({})).toBe(key);
      expect(await told({ RelativePath: `b/${RelativePath}` })).not.toBe(key);
      expect(await toldByV1({ EndRecordTime: "2026-02-01T18:00:05+08:00" })).not.toBe(key);
    });

    test("known by its event where nothing else is said", async () => {
      const compiled = await hook;
      const bare = (EventId: string | null) => ({ EventType: "FileClosed", EventId, EventData: { RelativePath } });
      expect(await keyOf(bare("e1"))).toBe(await keyOf(bare("e1")));
      expect(await keyOf(bare("e1"))).not.toBe(await keyOf(bare("e2")));
      expect(await keyOf(bare(null))).toBeNull();
      expect(await told({ FileSize: {}, FileOpenTime: [], FileCloseTime: true })).toBeString();
      expect(thrown(() => jobsOf(compiled, post({ EventType: "FileClosed", EventData: null }))).code).toBe("source");
    });
  });

  test("bililive-go's command line", async () => {
    const [job] = jobsOf(await hookOf(toml), arrival("bililive-go.form"));
    expect(job?.path).toBe("/srv/rec/Huya/host/[2026-01-31 18-00-00][host][title].flv");
    expect(job?.key).toBeNull();
  });

  test("without base and with several roots a relative path leads nowhere", async () => {
    const hook = await hookOf(toml.replace('["/srv/rec"]', '["/srv/rec", "/srv/b"]'));
    expect(thrown(() => runHook(hook, arrival("bililive-file-closed.json"))).code).toBe("source");
  });
});
