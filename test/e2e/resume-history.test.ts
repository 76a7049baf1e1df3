import { describe, expect } from "bun:test";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { filesBelow, md5, randomBytes, scene, type World } from "./kit/world.ts";
import { gate } from "./stand-in/fault.ts";

/** A run of three files, killed while the second is half sent. */
async function killed(w: World): Promise<string[]> {
  const files = [w.file("one", 1000), w.file("two", 16_000_000), w.file("three", 1000)];
  const held = gate();
  w.gig.fault("body", { gate: held, gateAt: 1_000_000, when: (request) => request.header("slug") === "two" });
  const live = w.start(["up", ...files, "--to", "uploadgig", "--label", "run=1", "--json"]);
  await held.reached;
  live.kill("SIGKILL");
  await live.ended;
  w.gig.heal();
  return files;
}

const names = (w: World) => w.gig.files.map((file) => file.name);

describe("hoist resume", () => {
  scene("goes on with interrupted uploads and with the files not begun, with their run's options", async (w) => {
    await killed(w);
    expect(names(w)).toEqual(["one"]);
    const ran = await w.run(["resume", "--json"]);
    expect(ran.code).toBe(0);
    expect(names(w)).toEqual(["one", "two", "three"]);
    expect(ran.results.map((one) => one.name)).toEqual(["two", "three"]);
    expect(ran.results[0].labels).toEqual({ run: "1" });
  });

  scene("--list shows them and sends nothing; --drop forgets them", async (w) => {
    await killed(w);
    const calls = w.gig.seen.length;
    const listed = await w.run(["resume", "--list"]);
    expect(listed.code).toBe(0);
    expect(listed.out).toContain("two");
    expect(listed.out).toContain("three");
    expect(listed.out).not.toContain("one");
    const ids = (await w.run(["resume", "--list", "--json"])).json.map((line) => line.id);
    expect(ids.length).toBe(2);
    const dropped = await w.run(["resume", "--drop", ...ids]);
    expect(dropped.code).toBe(0);
    expect((await w.run(["resume", "--list"])).out).not.toContain("two");
    expect((await w.run(["resume"])).code).toBe(0);
    expect(w.gig.seen.length).toBe(calls);
  });

  scene("takes single ids", async (w) => {
    await killed(w);
    const listed = await w.run(["resume", "--list", "--json"]);
    const three = listed.json.find((line) => line.name === "three");
    const ran = await w.run(["resume", three.id, "--json"]);
    expect(ran.code).toBe(0);
    expect(names(w)).toEqual(["one", "three"]);
  });

  scene("by two processes at once sends each file once", async (w) => {
    await killed(w);
    const both = await Promise.all([w.run(["resume", "--json"]), w.run(["resume", "--json"])]);
    expect(both.map((ran) => ran.code).includes(0)).toBe(true);
    await w.run(["resume"]);
    expect(names(w).sort()).toEqual(["one", "three", "two"]);
  });

  scene("keeps --after of its run", async (w) => {
    const path = w.file("a", 16_000_000);
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: 1_000_000 });
    const live = w.start(["up", path, "--to", "uploadgig", "--after", "delete"]);
    await held.reached;
    live.kill("SIGKILL");
    await live.ended;
    expect(existsSync(path)).toBe(true);
    expect((await w.run(["resume"])).code).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  scene("goes on with stdin that was spooled, and removes the copy", async (w) => {
    const bytes = randomBytes(16_000_000);
    const held = gate();
    w.ulozto.fault("upload", { gate: held, gateAt: 1_000_000 });
    const live = w.start(["up", "-", "--name", "s.bin", "--to", "ulozto"], { stdin: bytes });
    await held.reached;
    live.kill("SIGKILL");
    await live.ended;
    expect((await w.run(["resume", "--json"])).code).toBe(0);
    expect(w.ulozto.files).toMatchObject([{ name: "s.bin", md5: md5(bytes) }]);
    expect(filesBelow(w.stateDir).filter((path) => statSync(path).size >= bytes.length)).toEqual([]);
  });

  scene("an id that is not there is 4", async (w) => {
    expect((await w.run(["resume", "no-such-id"])).code).toBe(4);
  });

  scene("with nothing to do is 0", async (w) => {
    const ran = await w.run(["resume", "--json"]);
    expect(ran.code).toBe(0);
    expect(w.gig.connections + w.ulozto.connections).toBe(0);
  });

  scene("never takes an unknown outcome without --retry-unknown and its id", async (w) => {
    w.gig.fault("body", { breakAt: "answer" });
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig", "--json"]);
    expect(ran.code).toBe(9);
    expect((await w.run(["resume"])).code).toBe(0);
    expect(w.gig.of("body").length).toBe(1);
    const again = await w.run(["resume", ran.result.id, "--retry-unknown", "--json"]);
    expect(again.code).toBe(0);
    expect(w.gig.of("body").length).toBe(2);
  });

  scene("takes what failed for a temporary reason, not what was refused for good", async (w) => {
    w.gig.fault("action", { status: 503, body: "x" }, 3);
    expect((await w.run(["up", w.file("a"), "--to", "uploadgig"])).code).toBe(5);
    w.gig.fault("body", { body: { 0: { ok: false, message: "banned" } } });
    expect((await w.run(["up", w.file("b"), "--to", "uploadgig"])).code).toBe(7);
    const ran = await w.run(["resume", "--json"]);
    expect(ran.code).toBe(0);
    expect(names(w)).toEqual(["a"]);
  });

  scene("a file that changed since is sent as it is now or refused with 4, never a mixture", async (w) => {
    const [, two = ""] = await killed(w);
    writeFileSync(two, "another content");
    const ran = await w.run(["resume", "--json"]);
    expect([0, 3]).toContain(ran.code);
    const sent = w.gig.files.find((file) => file.name === "two");
    expect(sent?.md5).toBe(ran.code === 0 ? md5("another content") : undefined);
    if (ran.code === 0) expect(ran.results.find((one) => one.name === "two").size).toBe(15);
  });

  scene("an upload that died with an unknown outcome is told of, and not sent again", async (w) => {
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: "answer" });
    const live = w.start(["up", w.file("lost.bin"), "--to", "uploadgig"]);
    await held.reached;
    live.kill("SIGKILL");
    await live.ended;
    const ran = await w.run(["resume"]);
    expect(ran.out + ran.err).toMatch(/lost\.bin.*unknown|unknown.*lost\.bin/is);
    expect(w.gig.of("body").length).toBe(1);
  });

  scene("the same `up` again goes on with its own uploads only", async (w) => {
    const files = await killed(w);
    const ran = await w.run(["up", files[1] ?? "", "--to", "uploadgig", "--json"]);
    expect(ran.code).toBe(0);
    expect(names(w)).toEqual(["one", "two"]);
    expect((await w.run(["resume", "--json"])).code).toBe(0);
    expect(names(w)).toEqual(["one", "two", "three"]);
  });

  scene("the same `up` again of a file that changed since sends that alone, says so, and leaves nothing", async (w) => {
    const [, two = ""] = await killed(w);
    writeFileSync(two, "another content");
    const ran = await w.run(["up", two, "--to", "uploadgig"]);
    expect(ran.code).toBe(0);
    expect(ran.err).toContain("two changed since it was interrupted: its upload starts anew");
    expect(w.gig.files.find((file) => file.name === "two")?.md5).toBe(md5("another content"));
    expect((await w.run(["resume", "--list"])).out).not.toContain("two");
    expect((await w.run(["resume", "--json"])).results.map((one) => one.name)).toEqual(["three"]);
    expect(names(w)).toEqual(["one", "two", "three"]);
  });

  scene("does not touch what a live process is doing", async (w) => {
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: 5 });
    const live = w.start(["up", w.file("a"), w.file("b"), "--to", "uploadgig"]);
    await held.reached;
    expect((await w.run(["resume", "--list"])).out).not.toContain("files");
    expect((await w.run(["resume"])).code).toBe(0);
    expect(w.gig.of("action").length).toBe(1);
    held.open();
    expect((await live.ended).code).toBe(0);
    expect(names(w)).toEqual(["a", "b"]);
  });

  scene("many kills in a row lose nothing and store nothing twice", async (w) => {
    const files = Array.from({ length: 6 }, (_, n) => w.file(`f${n}`, 30_000));
    const args = ["up", ...files, "--to", "ulozto:/F", "--json"];
    for (let n = 1; n <= 5; n += 1) {
      const live = w.start(args);
      const calls = w.ulozto.seen.length;
      await live.until(() => w.ulozto.seen.length >= calls + 2 * n).catch(() => undefined);
      live.kill("SIGKILL");
      await live.ended;
    }
    const ran = await w.run(["resume", "--json"]);
    expect(ran.code).toBe(0);
    // What had ended before a kill is not interrupted: the same `up` again is a new wish, `--skip-existing` is not.
    expect((await w.run([...args, "--skip-existing"])).code).toBe(0);
    expect(new Set(w.ulozto.files.map((file) => file.name)).size).toBe(6);
    for (const batch of w.ulozto.state.batches.values()) expect(batch.commits).toBeLessThanOrEqual(2);
  });
});

describe("hoist history", () => {
  scene("tells every upload, newest last, as result objects with their time", async (w) => {
    w.gig.fault("body", { body: { 0: { ok: false, message: "banned" } }, when: (r) => r.header("slug") === "b.txt" });
    for (const name of ["a.mkv", "b.txt", "c.mkv"]) {
      await w.run(["up", w.file(name), "--to", "uploadgig", "--label", `of=${name}`]);
    }
    await w.run(["up", w.file("d.mkv"), "--to", "ulozto"]);
    const of = async (...args: string[]) =>
      (await w.run(["history", "--json", ...args])).results.map((one) => one.name);
    const all = await w.run(["history", "--json"]);
    expect(all.code).toBe(0);
    expect(all.results.map((one) => one.name)).toEqual(["a.mkv", "b.txt", "c.mkv", "d.mkv"]);
    expect(all.results[0]).toMatchObject({ v: 1, type: "result", ok: true, url: w.gig.files[0]?.url });
    expect(all.results[0].time).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/);
    expect(await of("--name", "*.mkv")).toEqual(["a.mkv", "c.mkv", "d.mkv"]);
    expect(await of("--account", "ulozto")).toEqual(["d.mkv"]);
    expect(await of("--label", "of=c.mkv")).toEqual(["c.mkv"]);
    expect(await of("--failed")).toEqual(["b.txt"]);
    expect(await of("-n", "2")).toEqual(["c.mkv", "d.mkv"]);
    expect(await of("--since", "1h")).toHaveLength(4);
    expect(await of("--until", "2001-01-01")).toEqual([]);
    const urls = await w.run(["history", "--format", "url"]);
    expect(urls.out.split("\n")[0]).toBe(w.gig.files[0]?.url ?? "?");
    const csv = await w.run(["history", "--format", "csv"]);
    expect(csv.out.split("\n")[0]).toContain("file,name,account,folder,size,md5,url,error");
  });

  scene("--no-history keeps no record", async (w) => {
    expect((await w.run(["up", w.file("a"), "--to", "uploadgig", "--no-history"])).code).toBe(0);
    expect((await w.run(["history", "--json"])).results).toEqual([]);
  });
});
