import { describe, expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { AppError } from "../../../src/errors.ts";
import { type Gate, gate } from "../../e2e/stand-in/fault.ts";
import { type Harness, harness, type Tried, type UploadOptions } from "./harness.ts";

const LARGE = 12 * 1024 * 1024;

/** Uploads f0, f1 … side by side; others of the account are about throughout. */
function several(h: Harness, count: number, options: (n: number) => UploadOptions = () => ({})): Promise<Tried[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) => h.upload(`f${n}`, 1000 + n, { more: true, ...options(n) })),
  );
}

const errors = (all: readonly Tried[]) => all.map(({ error }) => error?.code ?? null);
const visible = (h: Harness) => h.host.files.map((file) => file.name).sort();
const batchOf = (h: Harness, name: string) => h.host.files.find((file) => file.name === name)?.batch;
const commits = (h: Harness) => [...h.host.state.batches.values()].map((batch) => batch.commits);

/** Holds the commit (or another step) until opened. */
function hold(h: Harness, step: "commit" | "properties" | "upload", gateAt: "end" | "answer" = "end"): Gate {
  const held = gate();
  h.host.fault(step, { gate: held, gateAt });
  return held;
}

describe("small files with plain names", () => {
  test("share a batch: one link, one call for the folder, one commit", async () => {
    await using h = await harness();
    const all = await several(h, 6, () => ({ folder: "/F" }));
    expect(errors(all)).toEqual(Array(6).fill(null));
    expect(visible(h)).toEqual(["f0", "f1", "f2", "f3", "f4", "f5"]);
    const steps = h.host.seen.map((one) => one.step).filter((step) => !/folder|list/.test(step));
    expect(steps).toEqual(["login-token", "link", ...Array(6).fill("upload"), "properties", "commit"]);
    expect(new Set(all.map(({ result }) => result?.url)).size).toBe(6);
    expect(h.host.violations).toEqual([]);
  });

  test("of different folders are placed folder by folder, in one batch", async () => {
    await using h = await harness();
    const all = await several(h, 4, (n) => ({ folder: n % 2 === 0 ? "/A" : "/B" }));
    expect(errors(all)).toEqual(Array(4).fill(null));
    expect(h.host.of("properties").map((one) => JSON.parse(one.text).slugs.length)).toEqual([2, 2]);
    expect(h.host.files.map((file) => `${h.host.pathOf(file)}/${file.name}`).sort()).toEqual([
      "/A/f0",
      "/A/f2",
      "/B/f1",
      "/B/f3",
    ]);
    expect(h.host.of("commit").length).toBe(1);
  });

  test("are all recorded as `committing` before the commit is asked for", async () => {
    await using h = await harness();
    const held = hold(h, "commit");
    const all = several(h, 3);
    await held.reached;
    expect([0, 1, 2].map((n) => h.checkpoint(`f${n}`).phase)).toEqual(["committing", "committing", "committing"]);
    held.open();
    expect((await all)[1]?.phases).toEqual([
      "preparing",
      "sending",
      "finishing",
      "stored",
      "placed",
      "committing",
      "committed",
    ]);
  });

  test("one for which nobody comes goes alone, with its name in the properties", async () => {
    await using h = await harness();
    expect(errors(await several(h, 1))).toEqual([null]);
    expect(h.host.of("property").map((one) => JSON.parse(one.text).name)).toEqual(["f0"]);
  });

  test("do not wait for company when no other upload is about", async () => {
    await using h = await harness();
    await Promise.all([0, 1].map((n) => h.upload(`f${n}`, 10, { more: false })));
    expect(h.host.state.batches.size).toBe(2);
  });

  test("100 at most share one", async () => {
    await using h = await harness();
    expect(errors(await several(h, 130))).toEqual(Array(130).fill(null));
    const sizes = Map.groupBy(h.host.files, (file) => file.batch)
      .values()
      .map((files) => files.length);
    expect([...sizes].sort()).toEqual([100, 30]);
    expect(h.host.violations).toEqual([]);
  });

  test("larger files and names that a form could change stay out of it", async () => {
    await using h = await harness();
    const names = ["plain", `q"`, "it's", "1%", "b\\", " x", "A\u030a", "\u202edmca"];
    await Promise.all([
      ...names.map((name) => h.upload(name, 10, { more: true })),
      h.upload("large", new Uint8Array(16 * 1024 * 1024 + 1), { more: true }),
    ]);
    expect(new Set(h.host.files.map((file) => file.batch)).size).toBe(names.length + 1);
    expect(visible(h)).toEqual([...names, "large"].sort());
    expect(h.host.violations).toEqual([]);
  });
});

describe("one file of a shared batch", () => {
  for (const [what, fault, code] of [
    ["whose answer is lost", { breakAt: "answer" }, "network"],
    ["whose answer is a page", { status: 200, body: "<html>", effect: true }, "host_protocol"],
    ["whose MD5 is wrong", { change: (answer: object) => ({ ...answer, md5: "0".repeat(32) }) }, "integrity"],
  ] as const) {
    test(`${what} spoils it: nothing of it is committed, the others are sent again alone for free`, async () => {
      await using h = await harness();
      h.host.fault("upload", {}, 2);
      h.host.fault("upload", fault);
      const all = await several(h, 4);
      expect(errors(all)).toEqual(Array(4).fill(null));
      const culprits = all.filter(({ failures }) => failures[0]?.code === code && failures[0].retry.free !== true);
      expect(culprits.length).toBe(1);
      expect(all.filter(({ free }) => free === 1).length).toBe(3);
      expect(visible(h)).toEqual(["f0", "f1", "f2", "f3"]);
      expect(commits(h).sort()).toEqual([0, 1, 1, 1, 1]);
      expect(h.host.violations).toEqual([]);
    });
  }

  test("wrong twice is `integrity`; the others are up", async () => {
    await using h = await harness();
    const wrong = {
      change: (answer: { size: number }) => ({ ...answer, ...(answer.size === 1001 ? { size: 1 } : {}) }),
    };
    h.host.fault("upload", wrong, 99);
    const all = await several(h, 3);
    expect(errors(all)).toEqual([null, "integrity", null]);
    expect(visible(h)).toEqual(["f0", "f2"]);
  });

  test("that the host refuses leaves the others in it", async () => {
    await using h = await harness();
    h.host.fault("upload", { body: { return_code: 415, message: "Forbidden type" } });
    const all = await several(h, 4);
    expect(errors(all).filter((code) => code === "host_rejected").length).toBe(1);
    expect(h.host.files.length).toBe(3);
    expect(h.host.of("commit").length).toBe(1);
    expect(h.host.of("upload").length).toBe(4);
  });

  test("broken before its last byte leaves the others in it, and takes a new number", async () => {
    await using h = await harness();
    h.host.fault("upload", { breakAt: 100_000, when: ({ header }) => Number(header("content-length")) > LARGE });
    const all = await Promise.all([
      h.upload("large", new Uint8Array(LARGE), { more: true }),
      ...[0, 1].map((n) => h.upload(`f${n}`, 10, { more: true })),
    ]);
    expect(errors(all)).toEqual([null, null, null]);
    expect(all[0]?.failures.map((each) => each.code)).toEqual(["network"]);
    expect(h.host.of("upload").length).toBe(4);
    expect(batchOf(h, "f0")).toBe(batchOf(h, "f1"));
    expect(h.host.violations).toEqual([]);
  });

  test("that changed after its last byte spoils it", async () => {
    await using h = await harness();
    const path = h.file("changing", 500);
    h.host.fault("upload", {
      when: ({ header }) => Number(header("content-length")) < 1000,
      change: (answer) => {
        appendFileSync(path, "more");
        return answer;
      },
    });
    const all = await Promise.all([
      h.uploadFile(path, "changing", { more: true }),
      ...[0, 1].map((n) => h.upload(`f${n}`, 1000, { more: true })),
    ]);
    expect(errors(all)).toEqual(["source", null, null]);
    expect(visible(h)).toEqual(["f0", "f1"]);
    expect(commits(h).filter((count) => count > 0).length).toBeLessThanOrEqual(2);
    expect(h.host.violations).toEqual([]);
  });

  test("whose record was taken over by another process is not committed by this one", async () => {
    await using h = await harness();
    const lost = new AppError("state", "another process has this upload now");
    const onPhase = (n: number) => (phase: string) => {
      if (n === 1 && phase === "committing") throw lost;
    };
    const all = await several(h, 3, (n) => ({ onPhase: onPhase(n), retries: 0 }));
    expect(all[0]?.error).toBeNull();
    expect(all[2]?.error).toBeNull();
    expect(all[1]?.result).toBeNull();
    expect(visible(h)).toEqual(["f0", "f2"]);
  });
});

describe("a member that is stopped", () => {
  test("in the middle of its body leaves the others in the batch", async () => {
    await using h = await harness();
    h.host.fault("upload", { stallAt: 50_000, when: ({ header }) => Number(header("content-length")) > LARGE });
    const stop = new AbortController();
    const large = h.upload("large", new Uint8Array(LARGE), { more: true, signal: stop.signal });
    while (h.host.of("upload").length < 1) await Bun.sleep(2);
    const others = several(h, 2);
    while (h.host.of("upload").filter((one) => one.status === 200).length < 2) await Bun.sleep(2);
    stop.abort();
    expect((await large).error?.code).toBe("cancelled");
    expect(errors(await others)).toEqual([null, null]);
    expect(h.host.state.batches.size).toBe(1);
    expect(visible(h)).toEqual(["f0", "f1"]);
  });

  test("after its last byte spoils it: its own file is never seen, the others are sent again", async () => {
    await using h = await harness();
    const held = hold(h, "properties");
    const stop = new AbortController();
    const all = several(h, 3, (n) => (n === 0 ? { signal: stop.signal } : {}));
    await held.reached;
    stop.abort();
    held.open();
    expect(errors(await all)).toEqual(["cancelled", null, null]);
    expect(visible(h)).toEqual(["f1", "f2"]);
    expect((await all).map(({ free }) => free)).toEqual([0, 1, 1]);
    expect(h.host.violations).toEqual([]);
  });

  test("while another body is under way ends that body at once: it would be of no use", async () => {
    await using h = await harness();
    h.host.fault("upload", { stallAt: 50_000, when: ({ header }) => Number(header("content-length")) > LARGE });
    const stop = new AbortController();
    const large = h.upload("large", new Uint8Array(LARGE), { more: true });
    while (h.host.of("upload").length < 1) await Bun.sleep(2);
    const stored = Promise.withResolvers<void>();
    const onPhase = (phase: string) => {
      if (phase === "stored") stored.resolve();
    };
    const small = h.upload("small", 10, { more: true, signal: stop.signal, onPhase });
    await stored.promise;
    stop.abort();
    expect((await small).error?.code).toBe("cancelled");
    expect(await large).toMatchObject({ error: null, attempts: 2, free: 1 });
    expect(visible(h)).toEqual(["large"]);
  });

  test("while the commit is asked for is told that its file may be visible; the others go on", async () => {
    await using h = await harness();
    const held = hold(h, "commit");
    const stop = new AbortController();
    const all = several(h, 3, (n) => (n === 0 ? { signal: stop.signal } : {}));
    await held.reached;
    stop.abort();
    held.open();
    expect(errors(await all)).toEqual(["cancelled", null, null]);
    expect((await all)[0]?.error?.message).toContain("may be visible");
    expect(h.checkpoint("f0").phase).toBe("committing");
    expect(h.host.of("commit").length).toBe(1);
  });

  test("while it waits for its retry is not committed by the others", async () => {
    await using h = await harness();
    h.host.fault("properties", { status: 503, body: "" });
    const stop = new AbortController();
    let waiting = 0;
    const stopped = Promise.withResolvers<void>();
    const pause = async () => {
      waiting += 1;
      if (waiting === 3) {
        stop.abort();
        stopped.resolve();
      }
      await stopped.promise;
    };
    const all = several(h, 3, (n) => (n === 0 ? { signal: stop.signal, pause } : { pause }));
    const [first, ...others] = await all;
    expect(first?.result).toBeNull();
    expect(errors(others)).toEqual([null, null]);
    expect(visible(h)).toEqual(["f1", "f2"]);
  });
});

describe("finishing a shared batch", () => {
  for (const step of ["properties", "commit"] as const) {
    for (const [what, fault] of [
      ["503", { status: 503, body: "" }],
      ["a lost answer", { breakAt: "answer" }],
    ] as const) {
      test(`${step} with ${what} is repeated for the same batch; no byte is sent again`, async () => {
        await using h = await harness();
        h.host.fault(step, fault);
        const all = await several(h, 4);
        expect(errors(all)).toEqual(Array(4).fill(null));
        expect(h.host.of("upload").length).toBe(4);
        expect(h.host.state.batches.size).toBe(1);
        expect(h.host.of(step).length).toBe(2);
        expect(h.host.of("commit").length).toBe(step === "commit" ? 2 : 1);
        expect(new Set(h.host.of(step).map((one) => one.text)).size).toBe(1);
        expect(h.host.violations).toEqual([]);
      });
    }
  }

  test("for ever out of order fails all of them; what is up stays to be committed later", async () => {
    await using h = await harness();
    h.host.fault("commit", { status: 503, body: "" }, 99);
    const all = await several(h, 3, () => ({ retries: 1 }));
    expect(errors(all)).toEqual(Array(3).fill("host_unavailable"));
    h.host.heal();
    const other = h.reopen();
    const again = await Promise.all(
      [0, 1, 2].map((n) => h.uploadWith(other, `f${n}`, 1000 + n, { resume: h.checkpoint(`f${n}`) })),
    );
    expect(errors(again)).toEqual([null, null, null]);
    expect(h.host.of("upload").length).toBe(3);
    expect(commits(h)).toEqual([1]);
    expect(visible(h)).toEqual(["f0", "f1", "f2"]);
  });

  test("goes without the members that have given up: theirs is not seen, the others are sent again", async () => {
    await using h = await harness();
    h.host.fault("properties", { status: 503, body: "" });
    const all = await several(h, 3, (n) => ({ retries: n === 0 ? 0 : 5 }));
    expect(errors(all)).toEqual(["host_unavailable", null, null]);
    expect(visible(h)).toEqual(["f1", "f2"]);
    expect(h.host.violations).toEqual([]);
  });

  test("properties refused for all are asked for each alone", async () => {
    await using h = await harness();
    h.host.fault("properties", { status: 422, body: { error: 1, code: 422, message: "No" } });
    const all = await several(h, 3);
    expect(errors(all)).toEqual([null, null, null]);
    expect(all.map(({ free }) => free)).toEqual([1, 1, 1]);
    expect(h.host.of("property").length).toBe(3);
    expect(h.host.violations).toEqual([]);
  });

  test("a folder that has gone meanwhile is made again", async () => {
    await using h = await harness();
    const held = hold(h, "properties");
    const all = several(h, 2, () => ({ folder: "/F" }));
    await held.reached;
    h.host.state.folders.splice(1);
    held.open();
    expect(errors(await all)).toEqual([null, null]);
    expect(h.host.files.map((file) => h.host.pathOf(file))).toEqual(["/F", "/F"]);
  });
});
