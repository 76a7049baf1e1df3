import { describe, expect } from "bun:test";
import { createHmac } from "node:crypto";
import { dirname, join } from "node:path";
import { Webhook } from "standardwebhooks";
import type { Json } from "./kit/lines.ts";
import { type Served, serve } from "./kit/server.ts";
import { scene, type World } from "./kit/world.ts";

const WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8I";
const SECRET = "a-long-enough-secret-for-hooks";
const TO = 'to = ["ulozto:/H"]';
const SEGMENT = "2026-01-31_18-00-00-000000.mp4";

const CONFIG = `
[hooks.plain]
path = "$.path"
${TO}
[hooks.signed]
path = "$.path"
${TO}
auth = { standard = "${WHSEC}" }
[hooks.forge]
path = "$.path"
${TO}
auth = { github = "${SECRET}" }
${["sonarr", "radarr", "qbittorrent", "transmission", "mediamtx", "bililive"]
  .map((preset) => `[hooks.${preset}]\npreset = "${preset}"\n${TO}\n`)
  .join("")}`;

/** The client finds it by itself. */
async function served(w: World): Promise<Served> {
  w.env.HOIST_TOKEN = `token-${"x".repeat(30)}`;
  return serve(w, CONFIG);
}

const told =
  (s: Served) =>
  async (hook: string, body: Json | string, headers: Record<string, string> = {}) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await s.call("POST", `/hooks/${hook}`, {
      headers: { "content-type": "application/json", ...headers },
      body: text,
    });
    const answer: Json = await response.json();
    return [response.status, answer.id ?? answer.code] as const;
  };

describe("what a hook is told twice", () => {
  scene("each preset: the same event is one job, a new file at its path another", async (w) => {
    const s = await served(w);
    const tell = told(s);
    const path = w.file("a.mkv", 10);
    const recording = { RelativePath: "a.mkv", FileSize: 10 };
    const opened = "2026-01-31T18:00:00.1234567+08:00";
    const closed = (FileCloseTime: string, EventId: string) => ({
      EventType: "FileClosed",
      EventId,
      EventData: { ...recording, FileOpenTime: opened, FileCloseTime },
    });
    const arr = (file: string, id: number) => ({ eventType: "Download", [file]: { id, path, relativePath: "a.mkv" } });
    const cases: readonly [hook: string, events: readonly Json[], another: Json][] = [
      [
        "sonarr",
        [
          arr("episodeFile", 1),
          arr("episodeFile", 1),
          { eventType: "Download", episodeFiles: [arr("episodeFile", 1).episodeFile] },
        ],
        { ...arr("episodeFile", 2), isUpgrade: true },
      ],
      ["radarr", [arr("movieFile", 1), arr("movieFile", 1)], { ...arr("movieFile", 2), isUpgrade: true }],
      [
        "qbittorrent",
        [
          { path, hash: "AA" },
          { path, hash: "aa", name: "a" },
        ],
        { path, hash: "bb" },
      ],
      [
        "transmission",
        [
          { TR_TORRENT_DIR: dirname(path), TR_TORRENT_NAME: "a.mkv", TR_TORRENT_HASH: "aa" },
          { TR_TORRENT_DIR: dirname(path), TR_TORRENT_NAME: "a.mkv", TR_TORRENT_HASH: "aa" },
        ],
        { TR_TORRENT_DIR: dirname(path), TR_TORRENT_NAME: "a.mkv", TR_TORRENT_HASH: "bb" },
      ],
      [
        "mediamtx",
        [
          { segment_path: path, duration: "1.5" },
          { segment_path: path, duration: "1.5" },
        ],
        { segment_path: path, duration: "1.6" },
      ],
      [
        "bililive",
        [
          closed("2026-01-31T18:00:05.1234567+08:00", "e1"),
          {
            EventRandomId: "e2",
            ...recording,
            StartRecordTime: opened,
            EndRecordTime: "2026-01-31T18:00:05.1234567+08:00",
          },
          closed("2026-01-31T18:00:05.1234567+08:00", "e1"),
        ],
        closed("2026-02-01T18:00:05+08:00", "e3"),
      ],
    ];
    for (const [hook, [first, ...again], another] of cases) {
      const [status, id] = await tell(hook, first ?? "");
      expect([hook, status]).toEqual([hook, 202]);
      for (const event of again) expect([hook, ...(await tell(hook, event))]).toEqual([hook, 200, id]);
      const [fresh, other] = await tell(hook, another);
      expect([hook, fresh]).toEqual([hook, 202]);
      expect(other).not.toBe(id);
    }
  });

  scene("a key or a message with another body is refused, also after a kill", async (w) => {
    const first = await served(w);
    const a = { path: w.file("a.bin", 10) };
    const b = { path: w.file("b.bin", 10) };
    const keyed = { "idempotency-key": "k" };
    const standard = (body: Json) => {
      const at = new Date();
      const signature = new Webhook(WHSEC).sign("msg_1", at, JSON.stringify(body));
      const timestamp = String(Math.floor(at.getTime() / 1000));
      return { "webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": signature };
    };
    const github = (body: Json) => ({
      "x-hub-signature-256": `sha256=${createHmac("sha256", SECRET).update(JSON.stringify(body)).digest("hex")}`,
      "x-github-delivery": "d-1",
    });
    const ways: readonly [hook: string, headers: (body: Json) => Record<string, string>][] = [
      ["plain", () => keyed],
      ["sonarr", () => keyed],
      ["signed", standard],
      ["forge", github],
    ];
    const bodyFor = (hook: string, file: Json) =>
      hook === "sonarr" ? { eventType: "Download", episodeFile: { id: 1, path: file.path } } : file;
    const ids = new Map<string, unknown>();
    for (const [hook, headers] of ways) {
      const body = bodyFor(hook, a);
      const [status, id] = await told(first)(hook, body, headers(body));
      expect([hook, status]).toEqual([hook, 202]);
      ids.set(hook, id);
    }
    first.live.kill("SIGKILL");
    await first.live.ended;
    const s = await served(w);
    for (const [hook, headers] of ways) {
      const [same, other] = [bodyFor(hook, a), bodyFor(hook, b)];
      expect([hook, ...(await told(s)(hook, other, headers(other)))]).toEqual([hook, 422, "unprocessable"]);
      expect([hook, ...(await told(s)(hook, same, headers(same)))]).toEqual([hook, 200, ids.get(hook)]);
    }
    const { jobs }: Json = await (await s.call("GET", "/v1/jobs")).json();
    expect(jobs).toHaveLength(ways.length);
  });

  scene("jobs add --hook counts a path as the hook does, hooks test says how", async (w) => {
    const s = await served(w);
    const segment = w.file(SEGMENT, 10);
    const [, id] = await told(s)("mediamtx", { segment_path: segment });
    expect((await w.run(["jobs", "add", segment, "--hook", "mediamtx"])).out).toBe(`${id}\n`);
    const byHand = async (...more: string[]) => (await w.run(["jobs", "add", segment, "--hook", "plain", ...more])).out;
    expect(await byHand()).not.toBe(await byHand());
    expect(await byHand("--idempotency-key", "k")).toBe(await byHand("--idempotency-key", "k"));
    const other = await w.run(["jobs", "add", w.file("b", 1), "--hook", "plain", "--idempotency-key", "k"]);
    expect(other.code).toBe(2);
    const words = async (hook: string) =>
      (await w.run(["hooks", "test", hook, "-"], { stdin: JSON.stringify({ path: segment, segment_path: segment }) }))
        .out;
    w.env.HOIST_CONFIG = join(w.dir, "hoist.toml");
    expect(await words("plain")).toContain("no event id: each call makes a job");
    expect(await words("signed")).toContain("queued once for each webhook-id");
    expect(await words("forge")).toContain("queued once for each delivery id");
    expect(await words("mediamtx")).toContain("queued once for the same path");
  });
});
