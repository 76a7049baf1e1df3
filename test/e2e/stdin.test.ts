import { describe, expect } from "bun:test";
import { statSync } from "node:fs";
import { filesBelow, md5, randomBytes, scene } from "./kit/world.ts";

describe("stdin", () => {
  scene("streams to UploadGig in chunks", async (w) => {
    const bytes = randomBytes(3_000_001);
    const ran = await w.run(["up", "-", "--name", "s.bin", "--to", "uploadgig", "--json"], { stdin: bytes });
    expect(ran.code).toBe(0);
    expect(w.gig.files).toMatchObject([{ name: "s.bin", size: bytes.length, md5: md5(bytes), framing: "chunked" }]);
    expect(ran.result).toMatchObject({ file: "-", name: "s.bin", size: bytes.length });
  });

  scene("of no byte at all is an empty file", async (w) => {
    expect((await w.run(["up", "-", "--name", "s", "--to", "uploadgig,ulozto"], { stdin: "" })).code).toBe(0);
    expect(w.gig.files).toMatchObject([{ size: 0 }]);
    expect(w.ulozto.files).toMatchObject([{ size: 0 }]);
  });

  scene("that is closed is no empty file, and keeps no other file out", async (w) => {
    if (process.platform !== "linux") return;
    const through = ["sh", "-c", 'exec "$0" "$@" <&-'];
    const argv = ["up", "-", w.file("a", 10), "--name", "s{n}", "--to", "ulozto,uploadgig", "--json"];
    const ran = await w.run(argv, { through });
    expect(ran.code).toBe(3);
    expect(ran.summary).toMatchObject({ ok: 2, failed: 2, codes: { source: 2 } });
    expect(w.gig.files).toMatchObject([{ name: "s2", size: 10 }]);
    expect((await w.run(["up", "--files-from", "-", "--to", "ulozto"], { through })).code).toBe(4);
    expect(
      (await w.run(["account", "add", "x", "--host", "ulozto", "--user", "u", "--password-stdin"], { through })).err,
    ).toContain("standard input is closed");
  });

  scene("is spooled for Ulož.to, sent with its length, and the copy is removed", async (w) => {
    const bytes = randomBytes(3_000_001);
    const ran = await w.run(["up", "-", "--name", "s.bin", "--to", "ulozto", "--json"], { stdin: bytes });
    expect(ran.code).toBe(0);
    expect(w.ulozto.files).toMatchObject([{ name: "s.bin", size: bytes.length, md5: md5(bytes) }]);
    expect(filesBelow(w.stateDir).filter((path) => statSync(path).size >= bytes.length)).toEqual([]);
  });

  scene("goes to both hosts from one read", async (w) => {
    const bytes = randomBytes(500_000);
    const ran = await w.run(["up", "-", "--name", "s", "--to", "uploadgig,ulozto"], { stdin: bytes });
    expect(ran.code).toBe(0);
    expect(w.gig.files).toMatchObject([{ md5: md5(bytes) }]);
    expect(w.ulozto.files).toMatchObject([{ md5: md5(bytes) }]);
  });

  for (const account of ["uploadgig", "ulozto"] as const) {
    scene(`of a file goes to ${account} from where it stands`, async (w) => {
      const bytes = randomBytes(5_000_001);
      const file = w.file("s.bin", bytes);
      const through = ["sh", "-c", `{ dd bs=3 count=1 of=/dev/null 2>&-; "$0" "$@"; } < '${file}'`];
      const ran = await w.run(["up", "-", "--name", "s.bin", "--to", account, "--json"], { through });
      expect(ran.code).toBe(0);
      const { files } = account === "ulozto" ? w.ulozto : w.gig;
      expect(files).toMatchObject([{ size: bytes.length - 3, md5: md5(bytes.subarray(3)) }]);
    });
  }

  scene("has one attempt: a pipe cannot be sent again", async (w) => {
    w.gig.fault("body", { breakAt: 1_000_000 });
    const ran = await w.run(["up", "-", "--name", "s", "--to", "uploadgig", "--json"], {
      stdin: randomBytes(16_000_000),
    });
    expect(ran.code).not.toBe(0);
    expect(w.gig.of("body").length).toBe(1);
  });

  scene("has more with --spool", async (w) => {
    w.gig.fault("body", { breakAt: 1_000_000 });
    const bytes = randomBytes(16_000_000);
    const ran = await w.run(["up", "-", "--name", "s", "--to", "uploadgig", "--spool"], { stdin: bytes });
    expect(ran.code).toBe(0);
    expect(w.gig.files).toMatchObject([{ md5: md5(bytes), framing: "length" }]);
    expect(filesBelow(w.stateDir).filter((path) => statSync(path).size >= bytes.length)).toEqual([]);
  });
});

describe("--limit-rate", () => {
  scene("holds the total rate of all uploads", async (w) => {
    const files = [w.file("a", 300_000), w.file("b", 300_000)];
    const ran = await w.run(["up", ...files, "--to", "ulozto", "--limit-rate", "400K", "--resumable", "never"]);
    expect(ran.code).toBe(0);
    expect(ran.ms).toBeGreaterThan(1_000);
    expect(ran.ms).toBeLessThan(5_000);
  });

  scene("a slow rate is progress: no idle timeout", async (w) => {
    const ran = await w.run([
      "up",
      w.file("a", 60_000),
      "--to",
      "uploadgig",
      "--limit-rate",
      "40K",
      "--idle-timeout",
      "300ms",
    ]);
    expect(ran.code).toBe(0);
    expect(w.gig.of("body").length).toBe(1);
  });

  scene("by the clock", async (w) => {
    const ran = await w.run(["up", w.file("a", 1_000_000), "--to", "uploadgig", "--limit-rate", "00:00,off 12:00,off"]);
    expect(ran.code).toBe(0);
  });
});
