import { describe, expect } from "bun:test";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, md5, randomBytes, scene } from "./kit/world.ts";

describe("--after", () => {
  scene("delete removes the source once every destination is ok", async (w) => {
    const path = w.file("a", 1000);
    expect((await w.run(["up", path, "--to", "uploadgig,ulozto", "--after", "delete"])).code).toBe(0);
    expect(() => statSync(path)).toThrow();
  });

  scene("delete keeps the source when one destination failed", async (w) => {
    const path = w.file("a", 1000);
    w.gig.password = "changed";
    expect((await w.run(["up", path, "--to", "uploadgig,ulozto", "--after", "delete"])).code).toBe(3);
    expect(statSync(path).size).toBe(1000);
  });

  scene("delete keeps a source that was changed meanwhile", async (w) => {
    const path = w.file("a", 1000);
    w.gig.fault("body", { delayMs: 400 });
    const live = w.start(["up", path, "--to", "uploadgig", "--after", "delete"]);
    await live.until(() => w.gig.of("body").some((one) => one.complete));
    writeFileSync(path, "changed");
    expect((await live.ended).code).toBe(4);
    expect(statSync(path).size).toBe(7);
  });

  scene("move:DIR moves it there and never over another file", async (w) => {
    const path = w.file("a", 1000);
    const done = w.directory("done");
    writeFileSync(join(done, "a"), "older");
    const ran = await w.run(["up", path, "--to", "uploadgig", "--after", `move:${done}`]);
    expect([0, 3, 4, 11]).toContain(ran.code);
    expect(statSync(join(done, "a")).size).toBe(5);
    const sizes = filesBelow(join(w.dir, "files")).map((file) => statSync(file).size);
    expect(sizes.filter((size) => size === 1000).length).toBe(1);
  });

  scene("move:DIR into an empty directory", async (w) => {
    const path = w.file("a", 1000);
    mkdirSync(join(w.dir, "files", "done"));
    expect(
      (await w.run(["up", path, "--to", "uploadgig", "--after", `move:${join(w.dir, "files", "done")}`])).code,
    ).toBe(0);
    expect(statSync(join(w.dir, "files", "done", "a")).size).toBe(1000);
    expect(() => statSync(path)).toThrow();
  });
});

describe("--after move:DIR with -r", () => {
  scene("keeps each file's place in its directory, also by resume", async (w) => {
    for (const name of ["t/a/same", "t/b/same", "t/top", "content/c/same"]) w.file(name, name.length);
    const alone = w.file("alone", 9);
    const files = join(w.dir, "files");
    const done = join(files, "done");
    w.gig.fault("action", { status: 503 }, 99);
    const argv = ["-r", join(files, "t"), `${join(files, "content")}/`, alone, "--to", "uploadgig", "--retries", "0"];
    expect((await w.run(["up", ...argv, "--after", `move:${done}`])).code).toBe(5);
    expect(filesBelow(done)).toEqual([]);
    w.gig.heal();
    expect((await w.run(["resume"])).code).toBe(0);
    const moved = filesBelow(files).map((path) => path.slice(files.length + 1));
    expect(moved.sort()).toEqual(["alone", "c/same", "t/a/same", "t/b/same", "t/top"].map((name) => `done/${name}`));
    expect(statSync(join(done, "t/b/same")).size).toBe("t/b/same".length);
  });
});

describe("--skip-existing", () => {
  scene("by the ledger: path, size and mtime; the known link is the result", async (w) => {
    const path = w.file("a", 1000);
    const first = await w.run(["up", path, "--to", "uploadgig,ulozto", "--json"]);
    const second = await w.run(["up", path, "--to", "uploadgig,ulozto", "--skip-existing", "--json"]);
    expect(second.code).toBe(0);
    expect(second.summary).toMatchObject({ skipped: 2, failed: 0, bytes: 0 });
    for (const result of second.results) {
      expect(result).toMatchObject({ ok: true, skipped: true, skipReason: "ledger" });
      expect(result.url).toBe(first.results.find((one) => one.host === result.host).url);
    }
    expect(w.gig.files.length).toBe(1);
    expect(w.ulozto.files.length).toBe(1);
  });

  scene("a changed file is uploaded again", async (w) => {
    const path = w.file("a", 1000);
    await w.run(["up", path, "--to", "uploadgig"]);
    writeFileSync(path, randomBytes(1001));
    expect((await w.run(["up", path, "--to", "uploadgig", "--skip-existing", "--json"])).result.skipped).toBe(false);
    expect(w.gig.files.length).toBe(2);
  });

  scene("on the host: by name and size", async (w) => {
    const path = w.file("a", 1000);
    await w.run(["up", path, "--to", "ulozto:/F"]);
    const env = { HOIST_STATE_DIR: join(w.dir, "another-state") };
    const again = await w.run(["up", path, "--to", "ulozto:/F", "--skip-existing", "--json"], { env });
    expect(again.result).toMatchObject({ ok: true, skipped: true, skipReason: "host" });
    const elsewhere = await w.run(["up", path, "--to", "ulozto:/G", "--skip-existing", "--json"], { env });
    expect(elsewhere.result.skipped).toBe(false);
    const other = w.file("b/a", 999);
    expect((await w.run(["up", other, "--to", "ulozto:/F", "--skip-existing", "--json"], { env })).result.skipped).toBe(
      false,
    );
  });

  scene("with --checksum by size and MD5, under any name", async (w) => {
    const bytes = randomBytes(5000);
    const [one, two] = [w.file("one", bytes), w.file("two", bytes)];
    const first = await w.run(["up", one, "--to", "uploadgig", "--checksum", "--json"]);
    expect(first.result.md5).toBe(md5(bytes));
    const second = await w.run(["up", two, "--to", "uploadgig", "--checksum", "--skip-existing", "--json"]);
    expect(second.result).toMatchObject({ skipped: true, skipReason: "ledger", url: first.result.url });
  });

  scene("a row of another login, origin or folder does not count", async (w) => {
    const path = w.file("a", 1000);
    await w.run(["up", path, "--to", "ulozto:/F"]);
    const other = await w.run(["up", path, "--to", "ulozto:/G", "--skip-existing", "--json"]);
    expect(other.result.skipped).toBe(false);
  });

  scene("a file of thousands is found on the host", async (w) => {
    await w.run(["up", w.file("first/a", 1000), "--to", "ulozto:/F"]);
    const [known] = w.ulozto.state.files;
    if (known === undefined) throw new Error("nothing was stored");
    for (let n = 0; n < 1200; n += 1) {
      w.ulozto.state.files.unshift({ ...known, slug: `s${n}`, name: `a ${n}`, size: 5 });
    }
    const again = await w.run(["up", w.file("second/a", 1000), "--to", "ulozto:/F", "--skip-existing", "--json"]);
    expect(again.result).toMatchObject({ skipped: true, skipReason: "host" });
  });
});
