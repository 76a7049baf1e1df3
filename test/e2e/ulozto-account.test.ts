import { describe, expect } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scene, type World } from "./kit/world.ts";

/** A browser that writes down what it is to open. */
function browser(w: World): () => string {
  const bin = w.directory("bin");
  const opened = join(w.dir, "opened");
  writeFileSync(join(bin, "xdg-open"), `#!/bin/sh\necho "$1" >>"${opened}"\n`);
  chmodSync(join(bin, "xdg-open"), 0o755);
  w.env.PATH = `${bin}:${w.env.PATH}`;
  return () => (existsSync(opened) ? readFileSync(opened, "utf8") : "");
}
const pageOf = (w: World) => `${w.ulozto.uploadOrigin}/captcha/${w.ulozto.state.captcha?.token}`;

describe("a paused account", () => {
  scene("takes no uploads until it is resumed; nothing is lost", async (w) => {
    expect((await w.run(["account", "pause", "ulozto"])).code).toBe(0);
    const ran = await w.run(["up", w.file("a"), w.file("b"), "--to", "ulozto", "--json"]);
    expect(ran.code).toBe(11);
    expect(ran.summary).toMatchObject({ ok: 0, failed: 2, codes: { state: 2 } });
    expect(ran.err).toContain("hoist account resume ulozto");
    expect(w.ulozto.seen.length).toBe(0);
    expect((await w.run(["up", w.file("c"), "--to", "uploadgig"])).code).toBe(0);
    expect((await w.run(["account", "resume", "ulozto"])).code).toBe(0);
    expect((await w.run(["resume"])).code).toBe(0);
    expect(w.ulozto.files.map((file) => file.name).sort()).toEqual(["a", "b"]);
  });

  scene("an account that is not there is 4", async (w) => {
    for (const act of ["pause", "resume", "captcha"]) expect((await w.run(["account", act, "nobody"])).code).toBe(4);
  });
});

describe("a captcha", () => {
  scene("ahead of time: the page is shown and waited for; no file, no batch is confirmed", async (w) => {
    w.ulozto.requireCaptcha();
    const live = w.start(["account", "captcha", "ulozto", "--json"]);
    await live.until((out) => out.includes("captcha"));
    w.ulozto.solveCaptcha();
    const ran = await live.ended;
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.out)).toEqual({ v: 1, type: "captcha", account: "ulozto", url: pageOf(w) });
    expect(ran.err).toContain("solved");
    expect(w.ulozto.of("commit").length).toBe(0);
    w.ulozto.state.captcha = null;
    expect((await w.run(["account", "captcha", "ulozto"])).err).toContain("no captcha");
  });

  scene("ahead of time, with nobody there: 10; on UploadGig: 2", async (w) => {
    w.ulozto.requireCaptcha();
    const ran = await w.run(["account", "captcha", "ulozto", "--wait-captcha", "0"]);
    expect(ran.code).toBe(10);
    expect(ran.err).toContain(pageOf(w));
    expect((await w.run(["account", "captcha", "uploadgig"])).code).toBe(2);
    expect(w.gig.seen.length).toBe(0);
  });

  scene("up --open opens its page, once", async (w) => {
    const opened = browser(w);
    w.ulozto.requireCaptcha();
    const live = w.start(["up", w.file("a"), w.file("b"), "--to", "ulozto", "--open", "--wait-captcha", "20s"]);
    await live.until(() => opened() !== "");
    w.ulozto.solveCaptcha();
    expect((await live.ended).code).toBe(0);
    expect(opened()).toBe(`${pageOf(w)}\n`);
    expect(w.ulozto.files.length).toBe(2);
  });
});

describe("what stands on Ulož.to", () => {
  scene("is listed, as text and JSON", async (w) => {
    for (const name of ["b.bin", "a.bin"]) await w.run(["up", w.file(name, 2048), "--to", "ulozto:/F/G"]);
    w.ulozto.folder("/F/T");
    w.ulozto.folder("/F/T");
    expect((await w.run(["ls", "ulozto:/F/G"])).out).toBe("a.bin\nb.bin\n");
    const twins = w.ulozto.state.folders.filter((one) => one.name === "T").map(({ slug }) => slug);
    expect((await w.run(["ls", "ulozto:/F"])).out.split("\n").sort()).toEqual(
      ["", "G/", ...twins.map((slug) => `T/  id:${slug}`)].sort(),
    );
    const long = await w.run(["ls", "-l", "ulozto:/F/G"]);
    expect(long.out).toMatch(/2\.0 KiB +\S+ +id:\S+ +a\.bin +https:\/\/uloz\.to\/file\//);
    const all = await w.run(["ls", "-R", "--json", "ulozto"]);
    expect(all.json.map(({ path, kind, twin }) => [path, kind, twin])).toEqual([
      ["/F", "folder", false],
      ["/F/G", "folder", false],
      ["/F/G/a.bin", "file", false],
      ["/F/G/b.bin", "file", false],
      ["/F/T", "folder", true],
      ["/F/T", "folder", true],
    ]);
    expect((await w.run(["ls", "ulozto:/nothing"])).code).toBe(4);
    expect((await w.run(["ls", "ulozto:/F/T"])).code).toBe(4);
    expect((await w.run(["ls", `ulozto:id:${twins[0]}`])).code).toBe(0);
  });

  scene("is compared with what would be uploaded: -n --skip-existing", async (w) => {
    for (const [name, size] of [
      ["same", 5],
      ["other", 6],
      ["new", 7],
      ["deep/new", 8],
      ["deep/same", 9],
    ] as const) {
      w.file(`t/${name}`, size);
    }
    await w.run(["up", w.file("same", 5), w.file("other", 60), "--to", "ulozto:/B"]);
    await w.run(["up", w.file("same", 9), "--to", "ulozto:/B/deep"]);
    const before = w.ulozto.of("link").length + w.ulozto.of("create-folder").length;
    const ran = await w.run(["up", "-n", "--skip-existing", "-r", "t/", "--to", "ulozto:/B", "--json"]);
    expect(ran.code).toBe(0);
    expect(ran.json.map(({ name, folder, there, sizesThere }) => [folder, name, there, sizesThere]).sort()).toEqual([
      ["/B", "new", "missing", undefined],
      ["/B", "other", "differs", [60]],
      ["/B/deep", "new", "missing", undefined],
    ]);
    const text = await w.run(["up", "-n", "--skip-existing", "-r", "t/", "--to", "ulozto:/B", "--format", "text"]);
    expect(text.out).toContain("(6 B, differs: 60 B there)");
    expect(text.out).toContain("(7 B, missing there)");
    expect(w.ulozto.of("link").length + w.ulozto.of("create-folder").length).toBe(before);
  });

  scene("is not asked where the record decides, and differs from it: -n --skip-existing", async (w) => {
    const [x, y] = [w.file("x"), w.file("y")];
    const compare = async (to: string) => {
      const ran = await w.run(["up", "-n", "--skip-existing", x, y, "--to", to, "--json"]);
      expect(ran.code).toBe(0);
      return ran.json.map(({ name, there, recorded }) => [name, there, recorded]);
    };
    await w.run(["up", x, "--to", "uploadgig,ulozto:/B"]);
    const calls = w.gig.connections;
    expect(await compare("uploadgig")).toEqual([["y", undefined, undefined]]);
    expect(w.gig.connections).toBe(calls);
    expect(await compare("ulozto:/B")).toEqual([["y", "missing", undefined]]);
    await w.run(["rm", "ulozto:/B/x"]);
    expect(await compare("ulozto:/B")).toEqual([
      ["x", "missing", true],
      ["y", "missing", undefined],
    ]);
    const text = await w.run(["up", "-n", "--skip-existing", x, "--to", "ulozto:/B", "--format", "text"]);
    expect(text.out).toContain("(10 B, missing there; uploaded before, so it would be skipped)");
  });

  scene("is changed by mkdir, mv and rm, each once", async (w) => {
    await w.run(["up", w.file("a.bin"), "--to", "ulozto"]);
    expect((await w.run(["mkdir", "ulozto:/A/B"])).code).toBe(4);
    expect((await w.run(["mkdir", "-p", "ulozto:/A/B"])).code).toBe(0);
    expect((await w.run(["mkdir", "ulozto:/A"])).code).toBe(4);
    expect((await w.run(["mv", "ulozto:/a.bin", "ulozto:/A/B/c.bin", "--json"])).json).toMatchObject([
      { v: 1, type: "moved", kind: "file", path: "/A/B/c.bin" },
    ]);
    const about = await w.run(["about", "ulozto:/A", "--json"]);
    expect(about.json).toMatchObject([{ v: 1, type: "about", account: "ulozto", bytes: 10, files: 1, folders: 1 }]);
    expect((await w.run(["rm", "ulozto:/A"])).code).toBe(2);
    w.ulozto.fault("delete-file", { breakAt: "answer" });
    const lost = await w.run(["rm", "ulozto:/A/B/c.bin"]);
    expect(lost.code).toBe(9);
    expect(lost.err).toContain("hoist ls");
    expect(w.ulozto.of("delete-file").length).toBe(1);
    expect((await w.run(["rm", "ulozto:/A/B/c.bin"])).code).toBe(4);
    expect((await w.run(["rm", "-r", "ulozto:/A"])).err).toContain("for good");
    expect((await w.run(["ls", "ulozto"])).out).toBe("");
  });

  scene("bad addresses are exit 2 without a call", async (w) => {
    for (const args of [
      ["ls", "ulozto:/a/../b"],
      ["ls", "uploadgig"],
      ["ls", "nobody:/a"],
      ["mkdir", `ulozto:/${"x".repeat(256)}`],
      ["rm", "ulozto:id:a/b"],
      ["mv", "ulozto:/a", "uploadgig:/a"],
      ["about"],
    ]) {
      expect((await w.run(args)).code).toBe(2);
    }
    expect(w.ulozto.seen.length + w.gig.seen.length).toBe(0);
  });
});

scene("accounts are taken from rclone", async (w) => {
  const conf = w.file(
    "rclone.conf",
    "[My Disk]\ntype = ulozto\nusername = me\npassword = YWFhYWFhYWFhYWFhYWFhYXMaGgIlEQ\n",
  );
  w.env.XDG_CONFIG_HOME = join(w.dir, "config");
  expect((await w.run(["account", "add", "--from-rclone", conf])).code).toBe(0);
  const text = readFileSync(join(w.dir, "config", "hoist", "config.toml"), "utf8");
  expect(text).toContain('[accounts.my-disk]\nhost = "ulozto"\nuser = "me"\npassword = "potato"');
  const again = await w.run(["account", "add", "--from-rclone", conf]);
  expect(again.err).toContain("passed over");
  expect((await w.run(["account", "add", "--from-rclone", "/nothing"])).code).toBe(4);
});
