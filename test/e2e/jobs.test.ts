import { describe, expect } from "bun:test";
import { Webhook } from "standardwebhooks";
import type { Json } from "./kit/lines.ts";
import { serve } from "./kit/server.ts";
import { md5Of, scene, type World } from "./kit/world.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8I";

/** The client finds the server of its state directory; its token is not the generated one. */
async function served(w: World, config = "") {
  const s = await serve(w, config);
  w.env.HOIST_TOKEN = s.token;
  return s;
}

/** Somebody who is called back. */
function receiver(answer: (index: number) => Response = () => new Response()) {
  const received: { readonly headers: Record<string, string>; readonly body: string }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      received.push({ headers: Object.fromEntries(request.headers.entries()), body: await request.text() });
      return answer(received.length - 1);
    },
  });
  return {
    received,
    origin: `http://127.0.0.1:${server.port}`,
    async until(count: number) {
      while (received.length < count) await Bun.sleep(10);
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

const withoutIds = ({ id: _, seconds: __, ...rest }: Json): Json => rest;

describe("hoist jobs", () => {
  scene("add --wait prints what hoist up prints, with its exit code", async (w) => {
    await served(w);
    const path = w.file("a.bin", 300_000);
    const argv = [path, "--to", "ulozto:/X", "--to", "uploadgig", "--label", "k=v", "--json"];
    const there = await w.run(["jobs", "add", ...argv, "--wait"]);
    const here = await w.run(["up", ...argv]);
    expect([there.code, here.code]).toEqual([0, 0]);
    const plain = (results: readonly Json[]) =>
      results
        .map((result) => ({ ...withoutIds(result), url: null, remoteId: null }))
        .sort((a, b) => (a.host < b.host ? -1 : 1));
    expect(plain(there.results)).toEqual(plain(here.results));
    expect(there.results.find(({ host }) => host === "ulozto")?.md5).toBe(md5Of(path));
    expect({ ...there.summary, seconds: 0 }).toEqual({ ...here.summary, seconds: 0 });
  });

  scene("add --wait fails as hoist up does", async (w) => {
    w.env.HOIST_UPLOADGIG_PASSWORD = "wrong";
    await served(w);
    const bad = await w.run(["jobs", "add", w.file("a.bin"), "--to", "nobody", "--wait"]);
    expect(bad.code).toBe(2);
  });

  scene("add --wait tells of what is not there as hoist up does", async (w) => {
    const config = w.file("../hoist.toml", '[up]\nto = ["ulozto:/X//", "uploadgig"]\n');
    await served(w, '[up]\nto = ["ulozto:/X//", "uploadgig"]\n[hooks.tv]\npath = "$.p"\nto = ["ulozto"]');
    const there = w.file("a.bin", 10);
    const gone = "files/gone.bin";
    const plain = ({ error, ...result }: Json): Json =>
      result.ok ? withoutIds({ ...result, url: null, remoteId: null }) : { ...withoutIds(result), error: error.code };
    const sorted = (results: readonly Json[]) =>
      results.map(plain).sort((a, b) => (a.name + a.host < b.name + b.host ? -1 : 1));
    for (const [how = "", ...words] of [
      ["", gone, "--label", "k=v"],
      ["", gone, "--to", "ulozto:/X,uploadgig"],
      ["", gone, there, "--to", "uploadgig", "--name", "{n}-{name}"],
      ["--send", there, gone, "--to", "ulozto:/S"],
    ]) {
      const argv = [...words, "--config", config];
      const here = await w.run(["up", ...argv, "--json"]);
      const ran = await w.run(["jobs", "add", ...argv, "--wait", "--json", ...(how === "" ? [] : [how])]);
      const file = how === "" ? {} : { file: "" };
      expect(sorted(ran.results.map((each) => ({ ...each, ...file })))).toEqual(
        sorted(here.results.map((each) => ({ ...each, ...file }))),
      );
      expect({ ...ran.summary, seconds: 0 }).toEqual({ ...here.summary, seconds: 0 });
      expect([ran.code, ran.err.includes("gone.bin → ")]).toEqual([here.code, true]);
    }
    const argv = [gone, there, "--to", "uploadgig", "--format", "csv"];
    const withoutLinks = (out: string) => out.replaceAll(/https?:[^,]*/g, "LINK");
    expect(withoutLinks((await w.run(["jobs", "add", ...argv, "--wait"])).out)).toBe(
      withoutLinks((await w.run(["up", ...argv])).out),
    );
    const hook = await w.run(["jobs", "add", gone, "--hook", "tv", "--wait", "--json"]);
    expect([hook.code, hook.result.ok, hook.result.account, hook.summary.failed]).toEqual([4, false, "", 1]);
  });

  scene("add sends bytes of files and of a pipe", async (w) => {
    await served(w);
    w.env.HOIST_SERVE_ROOTS = "";
    const file = await w.run(["jobs", "add", w.file("č d.bin", 100_000), "--send", "--to", "ulozto:/S", "--wait"]);
    expect(file.code).toBe(0);
    expect(file.out).toMatch(/^https?:\/\/\S+\n$/);
    expect(w.ulozto.files).toMatchObject([{ name: "č d.bin", size: 100_000 }]);
    const pipe = await w.run(["jobs", "add", "-", "--send", "--name", "p.tar", "--to", "uploadgig", "--wait"], {
      stdin: "piped",
    });
    expect(pipe.code).toBe(0);
    expect(w.gig.files).toMatchObject([{ name: "p.tar", size: 5 }]);
  });

  scene("list is the API's page, line by line", async (w) => {
    const s = await served(w);
    w.file("t/a.bin", 10);
    w.file("t/b.bin", 10);
    const added = await w.run(["jobs", "add", "t", "-r", "--to", "uploadgig"]);
    const ids = added.out.trim().split("\n");
    expect(ids).toHaveLength(2);
    const watched = await w.run(["jobs", "watch", ...ids]);
    expect(watched.code).toBe(0);
    const page: Json = await (await s.call("GET", "/v1/jobs")).json();
    const { out } = await w.run(["jobs", "list", "--json"]);
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(page.jobs);
    const shown = await w.run(["jobs", "show", ids[0] ?? "", "--json"]);
    expect(JSON.parse(shown.out)).toEqual(await s.job(ids[0] ?? ""));
  });

  scene("add numbers on from one directory to the next, as hoist up does", async (w) => {
    await served(w);
    for (const name of ["d1/a", "d1/b", "d2/c"]) w.file(name, 10);
    const argv = ["-r", "d1", "d2", "--name", "x{n}"];
    const placed = ({ results }: { readonly results: readonly Json[] }) =>
      results.map(({ folder, name }) => `${folder}/${name}`).sort();
    const queued = await w.run(["jobs", "add", ...argv, "--to", "ulozto:/X", "--wait", "--json"]);
    expect(placed(queued)).toEqual(["/X/d1/x1", "/X/d1/x2", "/X/d2/x3"]);
    expect(placed(await w.run(["up", ...argv, "--to", "ulozto:/X", "--json"]))).toEqual(placed(queued));
  });

  scene("cancel and retry what waits for its time", async (w) => {
    const s = await served(w);
    const { out } = await w.run(["jobs", "add", w.file("a.bin"), "--to", "uploadgig", "--not-before", "1h"]);
    const id = out.trim();
    const { waitingFor, waitingUntil, notBefore } = await s.job(id);
    expect([waitingFor, waitingUntil]).toEqual(["notBefore", notBefore]);
    expect((await w.run(["jobs", "show", id])).out).toContain(`uploadgig: waiting (notBefore until ${notBefore})\n`);
    expect((await w.run(["jobs", "cancel", id])).out).toStartWith(`${id}  cancelled`);
    expect(await w.run(["jobs", "cancel", id])).toMatchObject({ code: 4, out: "" });
    expect((await w.run(["jobs", "retry", id])).code).toBe(0);
    expect((await s.job(id)).waitingFor).toBe("notBefore");
  });

  scene("cancel and retry what waits for its account", async (w) => {
    const s = await served(w);
    expect((await w.run(["account", "pause", "uploadgig"])).code).toBe(0);
    const { out } = await w.run(["jobs", "add", w.file("a.bin"), "--to", "uploadgig"]);
    const id = out.trim();
    expect((await w.run(["jobs", "cancel", id])).out).toStartWith(`${id}  cancelled`);
    expect((await w.run(["account", "resume", "uploadgig"])).code).toBe(0);
    expect((await w.run(["jobs", "retry", id])).code).toBe(0);
    expect((await s.ended(id)).state).toBe("done");
  });

  scene("add --hook queues as the hook would", async (w) => {
    const path = w.file("show/e1.mkv", 10);
    const folder = path.slice(0, -"show/e1.mkv".length);
    await served(
      w,
      `[hooks.tv]\npath = "$.path"\nto = ["ulozto:/TV"]\nbase = "${folder}"\nrewrite = [["/sent", "${folder}"]]\n`,
    );
    expect((await w.run(["jobs", "add", "/sent/show/e1.mkv", "--hook", "tv", "--wait"])).code).toBe(0);
    const { out } = await w.run(["jobs", "list", "--json"]);
    expect(JSON.parse(out)).toMatchObject({ hook: "tv", uploads: [{ folder: "/TV/show", state: "done" }] });
  });

  scene("doctor --ready tells whether the server takes jobs", async (w) => {
    expect((await w.run(["doctor", "--ready"])).code).toBe(5);
    const s = await served(w);
    expect((await w.run(["doctor", "--ready"])).code).toBe(0);
    s.live.kill("SIGKILL");
    await s.live.ended;
    expect((await w.run(["doctor", "--ready"])).code).toBe(5);
  });
});

describe("telling others", () => {
  scene("calls back, signed, once for each end", async (w) => {
    await using to = receiver();
    const config = `[serve]\ncallback_hosts = ["${to.origin}"]\ncallback_secret = "${SECRET}"\n`;
    const s = await served(w, config);
    const job = await s.add(w.file("a.bin"), ["uploadgig"], { callback: `${to.origin}/done?x=1` });
    const ended = await s.ended(job.id);
    await to.until(1);
    const [message] = to.received;
    expect(new Webhook(SECRET).verify(message?.body ?? "", message?.headers ?? {})).toEqual({
      type: "upload.completed",
      timestamp: expect.any(String),
      data: ended,
    });
    for (const [url, status] of [
      ["http://127.0.0.1:1/", 422],
      ["https://169.254.169.254/", 422],
      ["http://2130706433/", 422],
      ["https://elsewhere.example/", 422],
    ] as const) {
      const body = JSON.stringify({ path: w.file("a.bin"), to: ["uploadgig"], callback: url });
      const answer = await s.call("POST", "/v1/jobs", { headers: { "content-type": "application/json" }, body });
      expect([url, answer.status]).toEqual([url, status]);
    }
    expect(to.received).toHaveLength(1);
  });

  scene("keeps what could not be delivered over a kill, and its secrets out of the database", async (w) => {
    await using to = receiver((index) => new Response(null, { status: index < 2 ? 503 : 200 }));
    const config = `[serve]\ncallback_hosts = ["${to.origin}"]\ncallback_secret = "${SECRET}"
[[notify]]\nname = "phone"\nurl = "${to.origin}/topic-c4n4ry"\nbody = "{name} {state}"\n`;
    const s = await served(w, config);
    const job = await s.add(w.file("a.bin"), ["uploadgig"], { callback: `${to.origin}/done` });
    await s.ended(job.id);
    await to.until(2);
    s.live.kill("SIGKILL");
    await s.live.ended;
    await served(w, config);
    await to.until(4);
    const bodies = to.received.slice(2).map(({ body }) => body);
    expect(bodies).toContain("a.bin done");
    expect(bodies.some((body) => body.includes('"upload.completed"'))).toBe(true);
    const database = await Bun.file(`${w.stateDir}/hoist.db`).text();
    const log = await Bun.file(`${w.stateDir}/hoist.db-wal`)
      .text()
      .catch(() => "");
    expect(database + log).not.toContain("c4n4ry");
    expect(s.live.err()).not.toContain("c4n4ry");
  });
});
