import { describe, expect, test } from "bun:test";
import type { Phase } from "../../../src/hosts/phase.ts";
import type { Json } from "../../../src/json.ts";
import { type Harness, harness, type UploadOptions } from "./harness.ts";

const down = { status: 503, body: "" };
const steps = (h: Harness) => h.host.seen.map((one) => one.step);

/** Leaves one upload behind at `phase`, as a crash would, and heals the host. */
async function leaveAt(h: Harness, phase: Phase, name: string, options: UploadOptions = {}) {
  if (phase === "stored") {
    h.host.fault("property", down);
    h.host.fault("properties", down);
  }
  if (phase === "committing") h.host.fault("commit", down);
  const { error } = await h.upload(name, "content", { retries: 0, ...options });
  expect(error?.code).toBe("host_unavailable");
  h.host.heal();
  expect(h.checkpoint(name).phase).toBe(phase);
  h.host.seen.splice(0);
  return h.checkpoint(name);
}

describe("an upload of an earlier process", () => {
  test("stored in a batch of its own is named, placed and committed; no byte is sent", async () => {
    await using h = await harness();
    const resume = await leaveAt(h, "stored", "a", { folder: "/F" });
    const { result, phases } = await h.uploadWith(h.reopen(), "a", "content", { folder: "/F", resume });
    expect(result).toMatchObject({ remoteId: h.host.files[0]?.slug ?? "", verified: "md5", size: 7 });
    expect(steps(h)).toEqual(["login-token", "list-folders", "property", "commit"]);
    expect(phases).toEqual(["placed", "committing", "committed"]);
    expect(h.host.files).toMatchObject([{ name: "a", folder: h.host.state.folders[1]?.slug ?? "" }]);
  });

  test("placed in a batch of its own is committed with the link it was given", async () => {
    await using h = await harness();
    const resume = { ...(await leaveAt(h, "committing", "a")), phase: "placed" as const };
    const { result, phases } = await h.uploadWith(h.reopen(), "a", "content", { resume });
    expect(result?.url).toBe(`https://uloz.to/file/${h.host.files[0]?.slug}/a`);
    expect(steps(h)).toEqual(["login-token", "commit"]);
    expect(phases).toEqual(["committing", "committed"]);
  });

  test("in `committing` asks for the commit alone", async () => {
    await using h = await harness();
    const resume = await leaveAt(h, "committing", "a");
    const { error, phases } = await h.uploadWith(h.reopen(), "a", "content", { resume });
    expect(error).toBeNull();
    expect(steps(h)).toEqual(["login-token", "commit"]);
    expect(phases).toEqual(["committed"]);
  });

  test("whose commit had been done is done: the host says that it is confirmed already", async () => {
    await using h = await harness();
    h.host.fault("commit", { breakAt: "answer" });
    await h.upload("a", "content", { retries: 0 });
    const { error } = await h.uploadWith(h.reopen(), "a", "content", { resume: h.checkpoint("a") });
    expect(error).toBeNull();
    expect(h.host.of("upload").length).toBe(1);
    expect(h.host.files.length).toBe(1);
    expect(h.host.of("commit").map((one) => one.status)).toEqual([null, 400]);
  });

  test("in `committed` needs no call at all", async () => {
    await using h = await harness();
    await h.upload("a", "content");
    h.host.seen.splice(0);
    const { result } = await h.uploadWith(h.reopen(), "a", "content", { resume: h.checkpoint("a") });
    expect(result?.url).toContain("https://uloz.to/file/");
    expect(h.host.seen).toEqual([]);
  });

  for (const phase of ["sending", "finishing"] as const) {
    test(`in \`${phase}\` starts in a new batch`, async () => {
      await using h = await harness();
      h.host.fault("upload", { breakAt: "answer" });
      await h.upload("a", "content", { retries: 0 });
      const resume = { phase, checkpoint: h.checkpoint("a").checkpoint };
      expect((await h.uploadWith(h.reopen(), "a", "content", { resume })).error).toBeNull();
      expect(h.host.state.batches.size).toBe(2);
      expect(h.host.violations).toEqual([]);
    });
  }

  test("that the host no longer takes is sent again, with a note", async () => {
    await using h = await harness();
    const resume = await leaveAt(h, "stored", "a");
    h.host.state.files.splice(0);
    const { error, notes, attempts } = await h.uploadWith(h.reopen(), "a", "content", { resume });
    expect(error).toBeNull();
    expect(attempts).toBe(1);
    expect(notes).toEqual(["Ulož.to no longer takes what was uploaded earlier: the file is sent again"]);
    expect(h.host.of("upload").length).toBe(1);
  });

  test("whose commit the host refuses is not uploaded again", async () => {
    await using h = await harness();
    const resume = await leaveAt(h, "committing", "a");
    h.host.fault("commit", { status: 404, body: { error: 1, code: 404, message: "Unknown batch" } });
    const { error } = await h.uploadWith(h.reopen(), "a", "content", { resume });
    expect(error).toMatchObject({ code: "host_rejected", hostMessage: "Unknown batch" });
    expect(h.host.of("upload")).toEqual([]);
  });

  const corrupt: readonly Json[] = [
    "text",
    {},
    { v: 2 },
    { v: 1, batch: "b\r\nX-Evil: 1", number: 1, slug: "s", size: 7, md5: "0".repeat(32), shared: false, url: null },
    { v: 1, batch: "b", number: 0, slug: "s", size: 7, md5: "0".repeat(32), shared: false, url: null },
    { v: 1, batch: "b", number: 1, slug: "s", size: 8, md5: "0".repeat(32), shared: false, url: null },
  ];
  for (const checkpoint of corrupt) {
    test(`with the checkpoint ${JSON.stringify(checkpoint).slice(0, 60)} starts anew, with a note`, async () => {
      await using h = await harness();
      const { error, notes } = await h.upload("a", "content", { resume: { phase: "committing", checkpoint } });
      expect(error).toBeNull();
      expect(notes).toEqual(["where the upload stood cannot be read: it starts anew"]);
      expect(h.host.of("commit").length).toBe(1);
      expect(h.host.violations).toEqual([]);
    });
  }

  test("whose checkpoint holds a link of somebody else does not show it", async () => {
    await using h = await harness();
    const { checkpoint } = await leaveAt(h, "committing", "a");
    const resume = {
      phase: "committed" as const,
      checkpoint: { ...(checkpoint as object), url: "https://evil.example/" },
    };
    const { result } = await h.upload("a", "content", { resume });
    expect(result?.url).toStartWith("https://uloz.to/file/");
  });
});

describe("uploads that shared a batch in an earlier process", () => {
  /** Both stand at `phase` in one batch. */
  async function leaveTwoAt(h: Harness, phase: "stored" | "committing") {
    const step = phase === "stored" ? "properties" : "commit";
    h.host.fault(step, down, 9);
    await Promise.all(["a", "b"].map((name) => h.upload(name, `content ${name}`, { more: true, retries: 0 })));
    h.host.heal();
    expect(h.host.state.batches.size).toBe(1);
    h.host.seen.splice(0);
  }
  const again = (h: Harness) => {
    const session = h.reopen();
    return Promise.all(
      ["a", "b"].map((name) =>
        h.uploadWith(session, name, `content ${name}`, { resume: h.checkpoint(name), more: true }),
      ),
    );
  };

  test("in `committing` ask for its commit once", async () => {
    await using h = await harness();
    await leaveTwoAt(h, "committing");
    expect((await again(h)).map(({ error }) => error)).toEqual([null, null]);
    expect(steps(h)).toEqual(["login-token", "commit"]);
    expect(h.host.files.map((file) => file.name).sort()).toEqual(["a", "b"]);
  });

  test("also when they come one after the other", async () => {
    await using h = await harness();
    await leaveTwoAt(h, "committing");
    const session = h.reopen();
    for (const name of ["a", "b"]) {
      const { error } = await h.uploadWith(session, name, `content ${name}`, { resume: h.checkpoint(name) });
      expect(error).toBeNull();
    }
    expect(steps(h)).toEqual(["login-token", "commit"]);
  });

  test("and were only stored are sent again, each alone: what else is in that batch cannot be known", async () => {
    await using h = await harness();
    await leaveTwoAt(h, "stored");
    const [old] = h.host.state.batches.keys();
    expect((await again(h)).map(({ error }) => error)).toEqual([null, null]);
    expect(h.host.of("upload").length).toBe(2);
    expect(h.host.state.batches.get(old ?? "")?.commits).toBe(0);
    expect(h.host.state.batches.size).toBe(3);
    expect(h.host.files.length).toBe(2);
  });

  test("and went on in the same process keep their batch, also in a later job", async () => {
    await using h = await harness();
    await leaveTwoAt(h, "stored");
    const later = await Promise.all(
      ["a", "b"].map((name) => h.upload(name, `content ${name}`, { resume: h.checkpoint(name), more: true })),
    );
    expect(later.map(({ error }) => error)).toEqual([null, null]);
    expect(steps(h)).toEqual(["properties", "commit"]);
  });
});

describe("the commit", () => {
  test("goes by PUT where PATCH is not allowed, at once from then on", async () => {
    await using h = await harness();
    h.host.state.commitByPut = true;
    await h.upload("a", 10);
    await h.upload("b", 10);
    expect(h.host.of("commit").map((one) => one.head.method)).toEqual(["PATCH", "PUT", "PUT"]);
    expect(h.host.files.length).toBe(2);
  });

  test("that is answered without `confirmed` is no success", async () => {
    await using h = await harness();
    h.host.fault("commit", { status: 200, body: { status: "open" } }, 9);
    const { error } = await h.upload("a", 10, { retries: 1 });
    expect(error).toMatchObject({ code: "host_protocol" });
  });

  for (const [what, fault] of [
    ["503", down],
    ["a lost answer", { breakAt: "answer" }],
    ["a page", { status: 200, body: "<html>", effect: true }],
  ] as const) {
    test(`after ${what} is repeated by itself; the file is sent once`, async () => {
      await using h = await harness();
      h.host.fault("commit", fault);
      const { error, attempts } = await h.upload("a", 10);
      expect(error).toBeNull();
      expect(attempts).toBe(2);
      expect(h.host.of("upload").length).toBe(1);
      expect(h.host.of("property").length).toBe(1);
      expect(new Set(h.host.of("commit").map((one) => one.head.target)).size).toBe(1);
    });
  }
});
