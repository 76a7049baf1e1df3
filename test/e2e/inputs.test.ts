import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Outcome, scene, type World } from "./kit/world.ts";

const calls = (w: World) => w.gig.connections + w.ulozto.connections;

const isUsage = (w: World, ran: Outcome, ...words: (string | RegExp)[]) => {
  expect(ran.code).toBe(2);
  for (const word of words) expect(ran.err).toMatch(word);
  expect(ran.out).toBe("");
  expect(ran.err.trimEnd().split("\n").length).toBeLessThanOrEqual(3);
  expect(calls(w)).toBe(0);
};

describe("usage errors stop everything before any call, with 2", () => {
  const cases: readonly [what: string, args: (w: World) => string[], ...words: RegExp[]][] = [
    ["an unknown command", () => ["upp"], /upp/, /did you mean.*up/i],
    ["an unknown flag", (w) => ["up", w.file("a"), "--tto", "uploadgig"], /--tto/, /did you mean.*--to/i],
    [
      "an unknown flag with a value",
      (w) => ["up", w.file("a"), "--to=uploadgig", "--retrys=3"],
      /--retrys/,
      /did you mean.*--retries/i,
    ],
    ["an unknown short flag", (w) => ["up", w.file("a"), "--to", "uploadgig", "-Z"], /-Z/],
    ["a stray positional", () => ["history", "stray"], /stray/],
    [
      "a repeated single-value flag",
      (w) => ["up", w.file("a"), "--to", "uploadgig", "--retries", "1", "--retries", "2"],
      /--retries/,
    ],
    ["a flag without its value", (w) => ["up", w.file("a"), "--to"], /--to/],
    ["no destination", (w) => ["up", w.file("a")], /--to/],
    ["no source", () => ["up", "--to", "uploadgig"], /./],
    ["an unknown account", (w) => ["up", w.file("a"), "--to", "ulozt"], /ulozt/, /uploadgig.*ulozto/],
    ["an unknown account before a folder", (w) => ["up", w.file("a"), "--to", "dropbox:/x"], /dropbox/],
    ["a folder on a host without folders", (w) => ["up", w.file("a"), "--to", "uploadgig:/x"], /folder/],
    ["`..` in a folder", (w) => ["up", w.file("a"), "--to", "ulozto:/a/../b"], /\.\./],
    ["`.` in a folder", (w) => ["up", w.file("a"), "--to", "ulozto:/a/./b"], /./],
    ["a directory without -r", (w) => ["up", w.directory("d"), "--to", "uploadgig"], /director/, /-r/],
    [
      "a fixed name for several sources",
      (w) => ["up", w.file("a"), w.file("b"), "--name", "x", "--to", "uploadgig"],
      /name/,
    ],
    ["stdin without a name", () => ["up", "-", "--to", "uploadgig"], /--name/],
    ["an unknown placeholder in --name", (w) => ["up", w.file("a"), "--name", "{nme}", "--to", "uploadgig"], /nme/],
    ["an unknown format", (w) => ["up", w.file("a"), "--to", "uploadgig", "--format", "jsn"], /jsn/],
    [
      "an unknown placeholder in --format",
      (w) => ["up", w.file("a"), "--to", "uploadgig", "--format", "{urll}"],
      /urll/,
    ],
    [
      "a rate that is none",
      (w) => ["up", w.file("a"), "--to", "uploadgig", "--limit-rate", "fast"],
      /--limit-rate|fast/,
    ],
    ["a negative number", (w) => ["up", w.file("a"), "--to", "uploadgig", "--retries=-1"], /--retries/],
    ["a number that is none", (w) => ["up", w.file("a"), "--to", "uploadgig", "-j", "many"], /many|parallel/],
    ["parallel 0", (w) => ["up", w.file("a"), "--to", "uploadgig", "-j", "0"], /parallel|-j/],
    [
      "a duration that is none",
      (w) => ["up", w.file("a"), "--to", "uploadgig", "--wait-cooldown", "soon"],
      /soon|--wait-cooldown/,
    ],
    ["a size that is none", (w) => ["up", w.file("a"), "--to", "uploadgig", "--min-size", "big"], /big|--min-size/],
    ["a label without =", (w) => ["up", w.file("a"), "--to", "uploadgig", "--label", "x"], /--label/],
    [
      "another choice than auto, always, never",
      (w) => ["up", w.file("a"), "--to", "ulozto", "--resumable", "yes"],
      /yes|--resumable/,
    ],
    ["a secret as a flag", (w) => ["up", w.file("a"), "--to", "uploadgig", "--password", "x"], /--password/],
    ["an empty --to", (w) => ["up", w.file("a"), "--to", ""], /--to|destination|account/],
  ];
  for (const [what, args, ...words] of cases) {
    scene(what, async (w) => isUsage(w, await w.run(args(w)), ...words));
  }

  scene("one usage error among good sources", async (w) => {
    isUsage(w, await w.run(["up", w.file("a"), w.directory("d"), w.file("b"), "--to", "uploadgig"]), /d\b/);
  });

  scene("a value that looks like a secret is not repeated", async (w) => {
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig", "--password=hunter2hunter2"]);
    expect(ran.code).toBe(2);
    expect(ran.err).not.toContain("hunter2");
  });
});

const failsAlone = (ran: Outcome) => {
  expect(ran.code).toBe(4);
  expect(ran.result).toMatchObject({ ok: false, error: { code: "source", exit: 4, retryable: false } });
};

describe("a source that cannot be sent fails alone, with 4 and without a call", () => {
  const up = (w: World, ...paths: string[]) => w.run(["up", ...paths, "--to", "uploadgig", "--json"]);

  scene("missing", async (w) => {
    const ran = await up(w, "/nowhere/x.bin");
    failsAlone(ran);
    expect(ran.result).toMatchObject({ file: "/nowhere/x.bin", name: "x.bin" });
    expect(ran.err).toContain("/nowhere/x.bin");
    expect(calls(w)).toBe(0);
  });

  scene("a FIFO, at once and not after somebody writes to it", async (w) => {
    const path = join(w.dir, "pipe");
    Bun.spawnSync(["mkfifo", path]);
    failsAlone(await up(w, path));
    expect(calls(w)).toBe(0);
  });

  for (const device of ["/dev/null", "/dev/zero"]) {
    scene(`the device ${device}`, async (w) => {
      failsAlone(await up(w, device));
      expect(calls(w)).toBe(0);
    });
  }

  scene("a dangling symlink", async (w) => {
    symlinkSync("/nowhere", join(w.dir, "link"));
    failsAlone(await up(w, join(w.dir, "link")));
    expect(calls(w)).toBe(0);
  });

  for (const [what, name] of [
    ["a line feed", "two\nlines"],
    ["a carriage return", "car\rriage"],
  ] as const) {
    scene(`a name with ${what}`, async (w) => {
      const ran = await up(w, w.file(name));
      failsAlone(ran);
      expect(calls(w)).toBe(0);
      expect(ran.err).not.toContain(name);
    });
  }

  scene("a bad name may be replaced by --name", async (w) => {
    expect((await w.run(["up", w.file("two\nlines"), "--name", "one line", "--to", "uploadgig"])).code).toBe(0);
    expect(w.gig.files).toMatchObject([{ name: "one line" }]);
  });

  scene("a --name of more than 255 characters", async (w) => {
    const ran = await w.run(["up", w.file("a"), "--name", "n".repeat(256), "--to", "ulozto", "--json"]);
    expect([2, 4]).toContain(ran.code);
    expect(calls(w)).toBe(0);
  });

  scene("a name that is no UTF-8", async (w) => {
    const path = Buffer.concat([Buffer.from(`${w.directory("d")}/`), Buffer.from([0x61, 0xff, 0x62])]);
    writeFileSync(path, "x");
    const ran = await w.run(["up", "-r", join(w.dir, "files", "d"), "--to", "uploadgig", "--json"]);
    expect(ran.code).toBe(4);
    expect(calls(w)).toBe(0);
  });

  scene("the others go on: 3, in the order of the sources", async (w) => {
    const good = w.file("good");
    const ran = await up(w, "/nowhere/1", good, "/nowhere/2");
    expect(ran.code).toBe(3);
    expect(ran.summary).toMatchObject({ ok: 1, failed: 2, exit: 3, codes: { source: 2 }, retryable: false });
    expect(w.gig.of("action").length).toBe(1);
  });

  scene("all of them for the same reason: 4", async (w) => {
    const ran = await up(w, "/nowhere/1", "/nowhere/2");
    expect(ran.code).toBe(4);
    expect(ran.summary).toMatchObject({ failed: 2, exit: 4 });
  });

  test.skipIf(process.getuid?.() !== 0)("unreadable, as another user", async () => {
    await using w = await (await import("./kit/world.ts")).world();
    const path = w.file("secret");
    chmodSync(path, 0o600);
    const home = join(w.dir, "other");
    mkdirSync(home);
    for (const each of [home, w.dir]) {
      chownSync(each, 65534, 65534);
      chmodSync(each, 0o755);
    }
    const ran = await w.run(["up", path, "--to", "uploadgig", "--json"], {
      through: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
      env: { HOME: home, HOIST_STATE_DIR: join(home, "state") },
    });
    failsAlone(ran);
    expect(ran.err).toMatch(/permission|not readable|read/i);
    expect(calls(w)).toBe(0);
  });
});
