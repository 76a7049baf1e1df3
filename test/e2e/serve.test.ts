import { describe, expect } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "./kit/lines.ts";
import { serve } from "./kit/server.ts";
import { filesBelow, md5Of, scene } from "./kit/world.ts";
import { gate } from "./stand-in/fault.ts";

const JSON_TYPE = { "content-type": "application/json" };
const FORM_TYPE = { "content-type": "application/x-www-form-urlencoded" };

describe("hoist serve", () => {
  scene("takes a job for both hosts, and its links are true", async (w) => {
    const s = await serve(w);
    const path = w.file("movie.mkv", 300_000);
    const job = await s.add(path, ["ulozto:/Movies", "uploadgig"], { labels: { build: "42" } });
    expect(job).toMatchObject({ v: 1, state: "queued", labels: { build: "42" }, source: { path, size: 300_000 } });
    const ended = await s.ended(job.id);
    expect(ended.uploads).toMatchObject([
      { ok: true, account: "ulozto", folder: "/Movies", md5: md5Of(path), verified: "md5" },
      { ok: true, account: "uploadgig", folder: null, url: w.gig.files[0]?.url },
    ]);
    expect(w.ulozto.files).toMatchObject([{ name: "movie.mkv", size: 300_000 }]);
    const metrics = await (await s.call("GET", "/metrics")).text();
    for (const account of ["ulozto", "uploadgig"]) {
      expect(metrics).toContain(`hoist_sent_bytes_total{account="${account}"} 300000\n`);
    }
  });

  scene("takes the file itself, and keeps nothing of it afterwards", async (w) => {
    const s = await serve(w);
    const path = w.file("a.iso", 2_000_000);
    const response = await s.call("PUT", "/v1/files/b%20%C4%8D.iso?to=ulozto:/ISO&label.k=v", { body: Bun.file(path) });
    expect(response.status).toBe(202);
    const ended = await s.ended(((await response.json()) as Json).id);
    expect(ended).toMatchObject({
      state: "done",
      labels: { k: "v" },
      uploads: [{ name: "b č.iso", md5: md5Of(path) }],
    });
    while (filesBelow(join(w.stateDir, "spool")).length > 0) await Bun.sleep(10);
  });

  scene("sends no faster than [up] limit_rate allows, all uploads together", async (w) => {
    const s = await serve(w, '[up]\nlimit_rate = "1M"\n');
    const jobs = await Promise.all(["a.bin", "b.bin"].map((name) => s.add(w.file(name, 1_000_000), ["ulozto"])));
    const begun = performance.now();
    for (const { id } of jobs) expect((await s.ended(id)).state).toBe("done");
    expect(performance.now() - begun).toBeGreaterThan(1_000);
  });

  scene("waits for the end where it is asked to, and answers in plain links", async (w) => {
    const s = await serve(w);
    const body = JSON.stringify({ path: w.file("a.bin", 10), to: ["uploadgig"] });
    const headers = { ...JSON_TYPE, prefer: "wait=20", accept: "text/plain" };
    const response = await s.call("POST", "/v1/jobs", { headers, body });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(`${w.gig.files[0]?.url}\n`);
  });

  scene("holds one account back for a captcha, shows its page, and goes on by itself", async (w) => {
    w.ulozto.requireCaptcha();
    const s = await serve(w, "", ["--parallel", "1"]);
    const parked = await s.add(w.file("a.bin", 10), ["ulozto"]);
    for (;;) {
      const now = await s.job(parked.id);
      if (now.waitingFor === "captcha") {
        expect(now.uploads[0].error.url).toContain("/captcha/");
        break;
      }
      await Bun.sleep(10);
    }
    for (const name of ["b.bin", "c.bin"]) {
      const free = await s.add(w.file(name, 10), ["uploadgig"]);
      expect((await s.ended(free.id)).state).toBe("done");
    }
    w.ulozto.solveCaptcha();
    expect((await s.ended(parked.id)).state).toBe("done");
  });

  scene("refuses a second server, stops gently, and a new one goes on", async (w) => {
    const s = await serve(w);
    const second = await w.run(["serve", "--listen", "127.0.0.1:0"]);
    expect(second.code).toBe(11);
    const later = await s.add(w.file("a.bin", 10), ["uploadgig"], {
      notBefore: new Date(Date.now() + 1500).toISOString(),
    });
    s.live.kill("SIGTERM");
    expect([0, 143]).toContain((await s.live.ended).code);
    const next = await serve(w);
    expect((await next.ended(later.id)).state).toBe("done");
  });

  scene("says that its own server has the address, but not of what else listens there after a kill", async (w) => {
    const s = await serve(w);
    const { port } = new URL(s.url);
    const argv = ["serve", "--listen", `127.0.0.1:${port}`];
    const second = await w.run(argv);
    expect(second.code).toBe(11);
    expect(second.err).toContain(
      `a hoist serve of this state directory (process ${s.live.pid}) is still running on 127.0.0.1:${port}`,
    );
    s.live.kill("SIGKILL");
    await s.live.ended;
    const other = Bun.serve({ hostname: "127.0.0.1", port: Number(port), fetch: () => new Response() });
    const third = await w.run(argv);
    await other.stop(true);
    expect(third.code).toBe(11);
    expect(third.err).toContain(`cannot listen on 127.0.0.1:${port}: another process does`);
  });

  scene("loses nothing and commits nothing twice under kill -9", async (w) => {
    const ids: string[] = [];
    // An upload that was on its way at the third death would count as deadly.
    for (let round = 0; round < 2; round += 1) {
      const s = await serve(w);
      const added = await Promise.all(
        Array.from({ length: 25 }, (_, n) => s.add(w.file(`${round}-${n}.bin`, 50_000 + n), ["ulozto:/K"])),
      );
      ids.push(...added.map(({ id }) => id));
      await Bun.sleep(Math.random() * 120);
      s.live.kill("SIGKILL");
      await s.live.ended;
    }
    const s = await serve(w);
    for (const id of ids) expect((await s.ended(id)).state).toBe("done");
    const names = w.ulozto.files.map(({ name }) => name);
    expect(names.length).toBe(50);
    expect(new Set(names).size).toBe(50);
  });

  scene("logs and counts what a kill -9 leaves unknown", async (w) => {
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: "answer" });
    const s = await serve(w);
    const { id } = await s.add(w.file("a.bin", 10), ["uploadgig"]);
    await held.reached;
    s.live.kill("SIGKILL");
    await s.live.ended;
    held.open();
    const next = await serve(w);
    expect((await next.job(id)).state).toBe("unknown");
    const lines = next.live
      .err()
      .split("\n")
      .filter((line) => line.includes('"upload.failed"'));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: "error", job: id, account: "uploadgig", code: "outcome_unknown" },
    ]);
    const metrics = await (await next.call("GET", "/metrics")).text();
    expect(metrics).toContain('hoist_unknown_outcomes_total{account="uploadgig"} 1\n');
    expect(metrics).toContain('hoist_attempts_total{account="uploadgig",outcome="outcome_unknown"} 1\n');
  });
});

describe("webhooks", () => {
  const HOOKS = (files: string) => `
[hooks.sonarr]
preset = "sonarr"
to = ["ulozto:/Series/{payload.series.title}"]
auth = { basic = { user = "sonarr", password = "a-long-enough-password-here" } }
rewrite = [["/data/", "${files}/"]]
[hooks.build]
path = "$.artifact.files[*].path"
to = ["ulozto:/Builds"]
when = [{ at = "$.status", equals = "success" }]
auth = { query_token = "a-long-enough-query-token" }
[hooks.torrent]
preset = "qbittorrent"
to = ["ulozto:/Torrents"]
base = "${files}/torrents"
auth = { bearer = "a-long-enough-bearer-token" }
`;

  scene("each become the right jobs in the right folder", async (w) => {
    const files = join(w.dir, "files");
    const s = await serve(w, HOOKS(files));
    const basic = { authorization: `Basic ${btoa("sonarr:a-long-enough-password-here")}` };
    w.file("tv/Show/S01E01.mkv", 20);
    const sonarr = (body: Json) =>
      s.call("POST", "/hooks/sonarr", { headers: { ...JSON_TYPE, ...basic }, body: JSON.stringify(body) });
    const series = { id: 1, title: "The Show / Two", path: "/data/tv/Show" };
    expect((await sonarr({ eventType: "Test", series })).status).toBe(200);
    const imported = await sonarr({
      eventType: "Download",
      series,
      episodes: [{ id: 1, episodeNumber: 1, seasonNumber: 1, title: "One" }],
      episodeFile: { id: 7, relativePath: "S01E01.mkv", path: "/data/tv/Show/S01E01.mkv", size: 20 },
      isUpgrade: false,
    });
    expect(imported.status).toBe(202);

    w.file("out/app.tar", 30);
    w.file("out/app.sha", 5);
    const artifact = { files: [{ path: join(files, "out/app.tar") }, { path: join(files, "out/app.sha") }] };
    const build = (body: Json, token = "a-long-enough-query-token") =>
      s.call("POST", `/hooks/build?token=${token}`, { headers: JSON_TYPE, body: JSON.stringify(body) });
    expect((await build({ status: "success", artifact }, "wrong")).status).toBe(401);
    const failed = await build({ status: "failed", artifact });
    expect([failed.status, Object.keys((await failed.json()) as Json)]).toEqual([200, ["skipped"]]);
    expect((await build({ status: "success" })).status).toBe(422);
    expect((await build({ status: "success", artifact })).status).toBe(202);

    w.file("torrents/iso/debian.iso", 40);
    const torrent = await s.call("POST", "/hooks/torrent", {
      headers: { ...FORM_TYPE, authorization: "Bearer a-long-enough-bearer-token" },
      body: new URLSearchParams({
        path: join(files, "torrents/iso/debian.iso"),
        name: "debian.iso",
        hash: "ab".repeat(20),
      }),
    });
    expect(torrent.status).toBe(202);

    for (const { id } of ((await (await s.call("GET", "/v1/jobs")).json()) as Json).jobs) {
      expect((await s.ended(id)).state).toBe("done");
    }
    expect(w.ulozto.files.map((file) => `${w.ulozto.pathOf(file)}/${file.name}`).sort()).toEqual([
      "/Builds/app.sha",
      "/Builds/app.tar",
      "/Series/The Show _ Two/S01E01.mkv",
      "/Torrents/iso/debian.iso",
    ]);
  });
});

describe("hoist jobs", () => {
  scene("drives a running server and ends as up would", async (w) => {
    const s = await serve(w);
    const client = { env: { HOIST_SERVER: s.url, HOIST_TOKEN: s.token } };
    const path = w.file("a.bin", 10);
    const added = await w.run(["jobs", "add", path, "--to", "uploadgig", "--wait", "--json"], client);
    expect(added.code).toBe(0);
    expect(added.result).toMatchObject({ ok: true, url: w.gig.files[0]?.url });
    const listed = await w.run(["jobs", "list", "--json"], client);
    const { jobs } = (await (await s.call("GET", "/v1/jobs")).json()) as Json;
    expect(listed.json).toEqual(jobs);
    const sent = await w.run(["jobs", "add", path, "--send", "--to", "uploadgig", "--wait"], client);
    expect(sent.out).toBe(`${w.gig.files[1]?.url}\n`);
    const refused = await w.run(["jobs", "list"], { env: { ...client.env, HOIST_TOKEN: "wrong" } });
    expect(refused.code).toBe(6);
    expect(existsSync(path)).toBe(true);
  });
});
