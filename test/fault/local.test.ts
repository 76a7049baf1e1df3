import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { HOIST } from "../e2e/kit/run.ts";
import { md5Of, randomBytes, scene, type World, world } from "../e2e/kit/world.ts";
import { gate } from "../e2e/stand-in/fault.ts";

const LARGE = 48_000_000;

describe("a file that changes while it is sent", () => {
  const changes = [
    ["grows", (path: string) => appendFileSync(path, "more")],
    ["shrinks", (path: string) => truncateSync(path, 10_000_000)],
    ["is touched", (path: string) => utimesSync(path, new Date("2020-01-01"), new Date("2020-01-01"))],
    [
      "is replaced by another",
      (path: string) => {
        writeFileSync(`${path}.new`, randomBytes(LARGE));
        renameSync(`${path}.new`, path);
      },
    ],
  ] as const;

  for (const [what, change] of changes) {
    for (const host of ["uploadgig", "ulozto"] as const) {
      scene(`${host}: that ${what} stops at once with 4 and is no success`, async (w) => {
        const path = w.file("a.bin", LARGE);
        const held = gate();
        if (host === "uploadgig") w.gig.fault("body", { gate: held, gateAt: 1_000_000 });
        else w.ulozto.fault("upload", { gate: held, gateAt: 1_000_000 });
        const live = w.start(["up", path, "--to", host, "--json", "--resumable", "never"]);
        await held.reached;
        change(path);
        held.open();
        const ran = await live.ended;
        expect(ran.code).toBe(4);
        expect(ran.out).toContain('"code":"source"');
        expect(ran.ms).toBeLessThan(10_000);
        expect(w.ulozto.files).toEqual([]);
        expect((host === "uploadgig" ? w.gig.of("body") : w.ulozto.of("upload")).length).toBe(1);
      });
    }
  }

  scene("UploadGig: seen after the last byte it is 4, with the link in error.url", async (w) => {
    const path = w.file("a.bin", 1000);
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: "answer" });
    const live = w.start(["up", path, "--to", "uploadgig", "--json"]);
    await held.reached;
    appendFileSync(path, "more");
    held.open();
    const ran = await live.ended;
    expect(ran.code).toBe(4);
    expect(JSON.parse(ran.out.split("\n")[0] ?? "{}").error.url).toBe(w.gig.files[0]?.url);
  });

  scene("Ulož.to: seen after the last byte the batch is dropped, not committed", async (w) => {
    const path = w.file("a.bin", 1000);
    const held = gate();
    w.ulozto.fault("upload", { gate: held, gateAt: "answer" });
    const live = w.start(["up", path, "--to", "ulozto", "--json"]);
    await held.reached;
    appendFileSync(path, "more");
    held.open();
    expect((await live.ended).code).toBe(4);
    expect(w.ulozto.of("commit")).toEqual([]);
  });

  scene("a deleted name is no change", async (w) => {
    const path = w.file("a.bin", LARGE);
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: 1_000_000 });
    const live = w.start(["up", path, "--to", "uploadgig"]);
    await held.reached;
    unlinkSync(path);
    held.open();
    expect((await live.ended).code).toBe(0);
    expect(w.gig.files).toMatchObject([{ size: LARGE }]);
  });

  scene("a file that changed between its naming and its turn is sent as it is then, whole", async (w) => {
    const [first, second] = [w.file("first", 1000), w.file("second", 1000)];
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: "answer" });
    const live = w.start(["up", first, second, "--to", "uploadgig", "--json"]);
    await held.reached;
    appendFileSync(second, "more");
    held.open();
    const ran = await live.ended;
    expect(ran.code).toBe(0);
    expect(w.gig.files[1]).toMatchObject({ size: 1004, md5: md5Of(second) });
    expect(ran.out).toContain('"size":1004');
  });
});

const canMount = Bun.spawnSync(["unshare", "-Urm", "true"]).exitCode === 0;
/** Runs the binary with a file system of its own, of that many KiB, where the state directory lies. */
const withTinyDisk = (w: World, kib: number) => [
  ...["unshare", "-Urm", "sh", "-c"],
  `mkdir -p '${w.stateDir}' && mount -t tmpfs -o size=${kib}k,mode=700 tiny '${w.stateDir}' && exec "$@"`,
  "sh",
];

describe("a full disk", () => {
  test.skipIf(!canMount)("where the state directory lies: 11, and no upload starts", async () => {
    await using w = await world();
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig"], { through: withTinyDisk(w, 8) });
    expect(ran.code).toBe(11);
    expect(ran.err).toMatch(/disk|space/i);
    expect(w.gig.of("body")).toEqual([]);
    w.expectClean();
  });

  test.skipIf(!canMount)("that was not full at first is said to be full, too", async () => {
    await using w = await world();
    const filling = `"$@" >/dev/null 2>&1; head -c 4000000 /dev/zero > '${w.stateDir}/filler' 2>/dev/null; exec "$@"`;
    const through = withTinyDisk(w, 1024).map((word) => word.replace('exec "$@"', `{ ${filling}; }`));
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig"], { through });
    expect(ran.code).toBe(11);
    expect(ran.err).toContain("the disk that holds the state directory is full");
    expect(w.gig.files.length).toBe(1);
  });

  test.skipIf(!canMount)("while uploads run: these end and are printed, no new one starts, 11 or 3", async () => {
    await using w = await world();
    const files = Array.from({ length: 4 }, (_, n) => w.file(`f${n}`, 1000));
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: "answer" });
    const live = w.start(["up", ...files, "--to", "uploadgig", "--json"], { through: withTinyDisk(w, 2048) });
    await held.reached;
    const full = `/proc/${live.pid}/root${w.stateDir}/filler`;
    try {
      writeFileSync(full, new Uint8Array(4 << 20));
    } catch {}
    expect(readFileSync(full).length).toBeGreaterThan(0);
    held.open();
    const ran = await live.ended;
    expect(ran.code).toBe(3);
    const lines = ran.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ ok: true, url: w.gig.files[0]?.url });
    expect(lines.at(-1)).toMatchObject({ type: "summary", ok: 1, failed: 3, exit: 3, codes: { state: 3 } });
    expect(w.gig.of("body").length).toBe(1);
    w.expectClean();
  });

  test.skipIf(!canMount)("while stdin is spooled: 11, checked as it grows", async () => {
    await using w = await world();
    const ran = await w.run(["up", "-", "--name", "x", "--to", "ulozto"], {
      through: withTinyDisk(w, 4096),
      stdin: randomBytes(8_000_000),
    });
    expect(ran.code).toBe(11);
    expect(w.ulozto.of("upload")).toEqual([]);
    w.expectClean();
  });

  scene("a state directory that cannot be made: one warning, no record, the upload is done", async (w) => {
    w.file("blocker");
    const ran = await w.run([
      "up",
      w.file("a"),
      "--to",
      "uploadgig",
      "--state-dir",
      join(w.dir, "files", "blocker", "state"),
    ]);
    expect(ran.code).toBe(0);
    expect(ran.err.match(/warning/gi)?.length).toBe(1);
    expect(w.gig.files.length).toBe(1);
  });

  test.skipIf(process.getuid?.() !== 0)("one that cannot be written to is no other, and is told as it is", async () => {
    await using w = await world();
    const path = w.file("a");
    const state = w.directory("state-of-root");
    for (const each of [w.dir, join(w.dir, "files"), state, path]) chmodSync(each, 0o755);
    const asNobody = {
      through: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
      env: { HOIST_STATE_DIR: state, HOME: "/" },
    };
    const ran = await w.run(["up", path, "--to", "uploadgig"], asNobody);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.err.match(/no record is kept: .* cannot be written to \(EACCES\)/g)?.length).toBe(1);
    expect(w.gig.files.length).toBe(1);
    for (const command of ["history", "resume"]) {
      const looked = await w.run([command], asNobody);
      expect(looked.err).toContain("cannot be written to (EACCES)");
      expect(looked.err).not.toContain("private");
    }
  });
});

describe("a closed stdout", () => {
  scene("is a quiet end: the uploads finish", async (w) => {
    const files = Array.from({ length: 5 }, (_, n) => w.file(`f${n}`, 1000));
    const script = `"$0" up ${files.map((path) => `'${path}'`).join(" ")} --to uploadgig | head -n 1; exit "\${PIPESTATUS[0]}"`;
    const ran = await w.run([], { through: ["bash", "-c", script] });
    expect(ran.code).toBe(0);
    expect(w.gig.files.length).toBe(5);
    expect(ran.err).not.toMatch(/EPIPE|error/i);
  });

  scene("that was never open changes nothing", async (w) => {
    const ran = await w.run([], {
      through: ["bash", "-c", `"$0" up '${w.file("a")}' --to uploadgig >&-`],
    });
    expect(ran.code).toBe(0);
    expect(w.gig.files.length).toBe(1);
  });
});

test("the binary under test is named in HOIST_BIN or lies in dist", () => {
  expect(Bun.spawnSync([HOIST, "--version"]).exitCode).toBe(0);
});
