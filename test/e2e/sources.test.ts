import { describe, expect } from "bun:test";
import { symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { md5Of, scene, type World } from "./kit/world.ts";

const gigNames = (w: World) => w.gig.files.map((file) => file.name);
const uloztoPaths = (w: World) =>
  w.ulozto.files.map((file) => `${w.ulozto.pathOf(file)}/${file.name}`.replace("//", "/")).sort();

/** t/a, t/.hidden, t/sub/b, t/sub/deep/c */
function tree(w: World): string {
  for (const path of ["t/a", "t/.hidden", "t/sub/b", "t/sub/deep/c"]) w.file(path);
  return join(w.dir, "files");
}

describe("directories", () => {
  scene("-r t makes <folder>/t/…, hidden files included", async (w) => {
    const cwd = tree(w);
    const ran = await w.run(["up", "-r", "t", "--to", "ulozto:/F"], { cwd });
    expect(ran.code).toBe(0);
    expect(uloztoPaths(w)).toEqual(["/F/t/.hidden", "/F/t/a", "/F/t/sub/b", "/F/t/sub/deep/c"]);
  });

  scene("-r t/ makes <folder>/…", async (w) => {
    const cwd = tree(w);
    expect((await w.run(["up", "-r", "t/", "--to", "ulozto:/F"], { cwd })).code).toBe(0);
    expect(uloztoPaths(w)).toEqual(["/F/.hidden", "/F/a", "/F/sub/b", "/F/sub/deep/c"]);
  });

  scene("on UploadGig everything is flat", async (w) => {
    const cwd = tree(w);
    expect((await w.run(["up", "-r", "t", "--to", "uploadgig"], { cwd })).code).toBe(0);
    expect(gigNames(w).sort()).toEqual([".hidden", "a", "b", "c"]);
  });

  scene("symlinks to files are followed, to directories not, special files skipped with a note", async (w) => {
    const cwd = tree(w);
    symlinkSync("../a", join(cwd, "t", "sub", "link"));
    symlinkSync("..", join(cwd, "t", "sub", "loop"));
    Bun.spawnSync(["mkfifo", join(cwd, "t", "pipe")]);
    const ran = await w.run(["up", "-r", "t/sub", "t/pipe/../pipe", "t", "--to", "uploadgig", "-n", "--json"], { cwd });
    const names = ran.json.filter((line) => line.type === "plan" && !line.error).map((line) => line.name);
    expect(names).not.toContain("loop");
    expect(names).toContain("link");
    expect(names).not.toContain("pipe");
    const walked = await w.run(["up", "-r", "t", "--to", "uploadgig"], { cwd });
    expect(walked.code).toBe(0);
    expect(gigNames(w).sort()).toEqual(
      [".hidden", "a", "a", "b", "c"].map((name, at) => (at === 2 ? "link" : name)).sort(),
    );
    expect(walked.err).toContain("pipe");
    const named = await w.run(["up", "t/pipe", "--to", "uploadgig"], { cwd });
    expect(named.code).toBe(4);
    expect(named.err).toContain("hoist up - --name NAME");
  });

  scene("--include, --exclude, --min-size, --max-size choose among what is found; excludes win", async (w) => {
    for (const [name, size] of [
      ["a.mkv", 100],
      ["b.mkv", 5],
      ["c.txt", 100],
      ["sub/d.mkv", 5000],
      ["sub/e.part.mkv", 100],
    ] as const) {
      w.file(`t/${name}`, size);
    }
    const args = ["--include", "*.mkv", "--exclude", "*.part.*", "--min-size", "10", "--max-size", "1K"];
    expect((await w.run(["up", "-r", "t", ...args, "--to", "uploadgig"])).code).toBe(0);
    expect(gigNames(w)).toEqual(["a.mkv"]);
  });

  scene("--min-age leaves fresh files alone", async (w) => {
    const old = w.file("t/old");
    w.file("t/new");
    const then = new Date(Date.now() - 3600_000);
    utimesSync(old, then, then);
    expect((await w.run(["up", "-r", "t", "--min-age", "10m", "--to", "uploadgig"])).code).toBe(0);
    expect(gigNames(w)).toEqual(["old"]);
  });

  scene("a file that is named by hand is not filtered", async (w) => {
    const ran = await w.run(["up", w.file("c.txt"), "--include", "*.mkv", "--to", "uploadgig"]);
    expect(ran.code).toBe(0);
    expect(ran.err).toContain("the filters have no effect");
    expect(gigNames(w)).toEqual(["c.txt"]);
  });

  scene("of hundreds of files need one descriptor per running upload", async (w) => {
    for (let n = 0; n < 300; n += 1) w.file(`t/f${n}`, 1);
    const through = ["sh", "-c", 'ulimit -n 80; exec "$0" "$@"'];
    const ran = await w.run(["up", "-r", "t", "--to", "ulozto", "-j", "8", "--json"], { through });
    expect(ran.summary).toMatchObject({ ok: 300, failed: 0 });
    expect(w.ulozto.files.length).toBe(300);
    // At most 100 files to a batch.
    expect([...w.ulozto.state.batches.values()].every((batch) => batch.numbers.size <= 100)).toBe(true);
    expect(w.ulozto.of("commit").length).toBeLessThan(60);
  });

  scene("an empty directory is no error", async (w) => {
    const ran = await w.run(["up", "-r", w.directory("empty"), "--to", "uploadgig", "--json"]);
    expect(ran.code).toBe(0);
    expect(ran.summary).toMatchObject({ ok: 0, failed: 0, exit: 0 });
  });
});

describe("symlinks", () => {
  scene("named by hand are followed, and keep their own name", async (w) => {
    const target = w.file("target", 100);
    const link = join(w.dir, "files", "link.bin");
    symlinkSync(target, link);
    expect((await w.run(["up", link, "--to", "uploadgig"])).code).toBe(0);
    expect(w.gig.files).toMatchObject([{ name: "link.bin", md5: md5Of(target) }]);
  });
});

describe("--files-from", () => {
  scene("reads one path per line, as is: blanks, # and quotes included", async (w) => {
    const names = ["plain", "  blanks  ", "# no comment", `"quoted"`];
    for (const name of names) w.file(name);
    const list = w.file("list", `${names.join("\n")}\n`);
    expect((await w.run(["up", "--files-from", list, "--to", "uploadgig"])).code).toBe(0);
    expect(gigNames(w)).toEqual(names);
  });

  scene("reads stdin", async (w) => {
    w.file("a");
    w.file("b");
    expect((await w.run(["up", "--files-from", "-", "--to", "uploadgig"], { stdin: "b\na" })).code).toBe(0);
    expect(gigNames(w)).toEqual(["b", "a"]);
  });

  scene("with -0 reads names that hold line feeds", async (w) => {
    w.file("two\nlines");
    w.file("b");
    const args = ["up", "--files-from", "-", "-0", "--to", "uploadgig", "--json"];
    const ran = await w.run(args, { stdin: "two\nlines\0b\0" });
    expect(ran.code).toBe(3);
    expect(gigNames(w)).toEqual(["b"]);
  });

  scene("lists a missing file as a failure of its own", async (w) => {
    w.file("a");
    const ran = await w.run(["up", "--files-from", "-", "--to", "uploadgig", "--json"], { stdin: "nowhere\na\n" });
    expect(ran.code).toBe(3);
    expect(gigNames(w)).toEqual(["a"]);
  });

  scene("a list that is not there is 2", async (w) => {
    const ran = await w.run(["up", "--files-from", "/nowhere/list", "--to", "uploadgig"]);
    expect([2, 4]).toContain(ran.code);
    expect(w.gig.connections).toBe(0);
  });

  scene("filters hold for what it finds", async (w) => {
    for (const name of ["a.mkv", "b.txt"]) w.file(name);
    const args = ["up", "--files-from", "-", "--include", "*.mkv", "--to", "uploadgig"];
    expect((await w.run(args, { stdin: "a.mkv\nb.txt\n" })).code).toBe(0);
    expect(gigNames(w)).toEqual(["a.mkv"]);
  });
});

describe("--name", () => {
  scene("templates: {name} {stem} {ext} {n} {n:3} {date} {rand:8}", async (w) => {
    const files = [w.file("one.tar.gz"), w.file("two.bin"), w.file("noext")];
    const template = "{n}-{n:3}-{stem}.{ext}-{name}-{date}-{rand:8}";
    expect((await w.run(["up", ...files, "--name", template, "--to", "uploadgig"])).code).toBe(0);
    expect(gigNames(w)[1]).toMatch(/^2-002-two\.bin-two\.bin-\d{4}-?\d{2}-?\d{2}-[0-9A-Za-z]{8}$/);
    expect(gigNames(w)[2]).toMatch(/^3-003-noext\.?-noext-/);
    expect(new Set(gigNames(w).map((name) => name.slice(-8))).size).toBe(3);
  });

  scene("a fixed name for one source", async (w) => {
    expect((await w.run(["up", w.file("a"), "--name", "fixed {{x}}.bin", "--to", "uploadgig,ulozto"])).code).toBe(0);
    expect(gigNames(w)).toEqual([w.ulozto.files[0]?.name ?? "?"]);
  });
});
