import { describe, expect, test } from "bun:test";
import { truncateSync, writeFileSync } from "node:fs";
import { md5 } from "../../e2e/kit/world.ts";
import type { UloztoFile } from "../../e2e/stand-in/ulozto-state.ts";
import { bytesOf } from "../../support/temporary.ts";
import { type Harness, harness, type Tried, type UploadOptions } from "./harness.ts";

const MIB = 1024 ** 2;
const BLOCK = 4 * MIB;
const ALWAYS = { resumable: "always" } as const;

/** In order, the MD5 of each block of these bytes. */
const blocksOf = (content: Uint8Array) =>
  Array.from({ length: Math.ceil(content.length / BLOCK) }, (_, at) => {
    const block = content.subarray(at * BLOCK, (at + 1) * BLOCK);
    return { size: block.length, md5: md5(block) };
  });

const send = (h: Harness, content: Uint8Array, options: UploadOptions = {}) =>
  h.upload("a.bin", content, { ...ALWAYS, ...options });

/** Exactly this content is up, in blocks, once. */
function holdsOnce(h: Harness, tried: Tried, content: Uint8Array): void {
  if (tried.error !== null) throw tried.error;
  expect(tried.result).toMatchObject({ size: content.length, verified: "size" });
  expect(h.host.files).toMatchObject([{ name: "a.bin", size: content.length }]);
  expect((h.host.files[0] as UloztoFile).blocks).toEqual(blocksOf(content));
  expect(tried.counted).toBe(content.length);
  expect(h.host.violations).toEqual([]);
}

describe("a file in blocks", () => {
  test.each([1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17])("of %d bytes arrives whole", async (size) => {
    await using h = await harness();
    const content = bytesOf(size);
    const tried = await send(h, content, { folder: "/F" });
    holdsOnce(h, tried, content);
    expect(h.host.pathOf(h.host.files[0] as UloztoFile)).toBe("/F");
    expect(tried.phases.filter((phase) => phase !== "sending")).toEqual([
      "preparing",
      "stored",
      "placed",
      "committing",
      "committed",
    ]);
    expect(tried.result?.md5).toBeNull();
    expect(h.host.of("block").length).toBe(Math.ceil(size / BLOCK));
    expect(h.host.of("link").length).toBe(0);
  });

  test("that is empty has none, and goes the documented way", async () => {
    await using h = await harness();
    expect((await send(h, bytesOf(0))).result).toMatchObject({ size: 0, verified: "md5" });
  });

  test("auto keeps small files in one piece", async () => {
    await using h = await harness();
    expect((await h.upload("a.bin", 100)).result).toMatchObject({ verified: "md5" });
    expect(h.host.of("resumable-link").length).toBe(0);
  });

  test("has its MD5 computed on request only", async () => {
    await using h = await harness();
    const content = bytesOf(BLOCK + 1);
    const tried = await send(h, content, { checksum: true });
    expect(tried.result).toMatchObject({ md5: md5(content), verified: "size" });
  });

  test("keeps odd names and never has more than four blocks under way, on connections that it keeps", async () => {
    await using h = await harness();
    h.host.fault("block", { delayMs: 30 }, 99);
    const name = 'q"uo\\te %41 ž.bin';
    const tried = await h.upload(name, 12 * BLOCK, ALWAYS);
    expect(tried.result).toMatchObject({ verified: "size" });
    expect(h.host.files).toMatchObject([{ name }]);
    const blocks = h.host.of("block");
    expect(new Set(blocks.map((one) => one.connection)).size).toBeLessThanOrEqual(6);
  });
});

describe("a block", () => {
  for (const [what, fault] of [
    ["503", { status: 503, body: "<html>" }],
    ["404", { status: 404, body: { return_code: 404, message: "Unknown" } }],
    ["a reset in the middle", { breakAt: 1_000_000 }],
    ["a lost answer", { breakAt: "answer" }],
    ["a page with 200", { status: 200, body: "<html>" }],
    ["a return code", { status: 200, body: { return_code: 500 } }],
  ] as const) {
    test(`${what} is repeated alone`, async () => {
      await using h = await harness();
      const content = bytesOf(3 * BLOCK);
      h.host.fault("block", { ...fault, when: ({ target }) => target.endsWith("/2") }, 2);
      const tried = await send(h, content);
      holdsOnce(h, tried, content);
      expect(tried.attempts).toBe(1);
      expect(
        h.host
          .of("block")
          .map((one) => one.head.path.at(-1))
          .sort(),
      ).toEqual(["1", "2", "2", "2", "3"]);
    });
  }

  test("that fails for longer costs an attempt; what is confirmed is not sent again", async () => {
    await using h = await harness();
    const content = bytesOf(5 * BLOCK);
    h.host.fault("block", { status: 503, when: ({ target }) => target.endsWith("/3") }, 7);
    const tried = await send(h, content);
    holdsOnce(h, tried, content);
    expect(tried.attempts).toBe(3);
    expect(tried.confirmed).toBeGreaterThanOrEqual(2);
    expect(h.host.of("block").filter((one) => one.status === 200 || one.status === 201).length).toBe(5);
    expect(h.host.of("register").length).toBe(1);
  });

  test("that is refused for ever ends with 5 and can go on later", async () => {
    await using h = await harness();
    h.host.fault("block", { status: 403, when: ({ target }) => target.endsWith("/2") }, 999);
    const content = bytesOf(2 * BLOCK + 5);
    const path = h.file("a.bin", content);
    const tried = await h.uploadFile(path, "a.bin", { ...ALWAYS, retries: 2 });
    expect(tried.error).toMatchObject({ code: "host_unavailable", exit: 5 });
    h.host.heal();
    const again = await h.uploadFile(path, "a.bin", { ...ALWAYS, resume: h.checkpoint("a.bin") });
    holdsOnce(h, again, content);
  });

  test("that the host forgets is sent again", async () => {
    await using h = await harness();
    const content = bytesOf(3 * BLOCK);
    h.host.fault("block", { status: 200, body: { return_code: 200 }, when: ({ target }) => target.endsWith("/2") }, 1);
    holdsOnce(h, await send(h, content), content);
  });
});

describe("an upload in blocks that was interrupted", () => {
  /** Stops at the given block, as a crash does. */
  async function interrupted(h: Harness, content: Uint8Array, at: number) {
    const path = h.file("a.bin", content);
    const stop = new AbortController();
    h.host.fault("block", { breakAt: "head", when: ({ target }) => target.endsWith(`/${at}`) }, 99);
    const tried = await h.uploadFile(path, "a.bin", {
      ...ALWAYS,
      signal: stop.signal,
      pause: async () => stop.abort(),
    });
    expect(tried.result).toBeNull();
    h.host.heal();
    return { path, resume: h.checkpoint("a.bin"), sent: h.host.of("block").filter((one) => one.complete).length };
  }

  test("goes on with what is missing, in another process", async () => {
    await using h = await harness();
    const content = bytesOf(6 * BLOCK + 99);
    const { path, resume, sent } = await interrupted(h, content, 5);
    expect(sent).toBeGreaterThan(0);
    const again = await h.uploadFile(path, "a.bin", { resume });
    holdsOnce(h, again, content);
    expect(h.host.of("register").length).toBe(1);
    expect(h.host.of("block").filter((one) => one.complete).length).toBe(7);
  });

  test("starts anew when the file is another one", async () => {
    await using h = await harness();
    const { path, resume } = await interrupted(h, bytesOf(3 * BLOCK), 3);
    const content = bytesOf(3 * BLOCK).reverse();
    writeFileSync(path, content);
    const again = await h.uploadFile(path, "a.bin", { ...ALWAYS, resume });
    holdsOnce(h, again, content);
    expect(again.notes).toContain("where the upload stood cannot be read: it starts anew");
  });

  test("starts anew when the host no longer knows it, and says so", async () => {
    await using h = await harness();
    const content = bytesOf(3 * BLOCK);
    const { path, resume } = await interrupted(h, content, 3);
    for (const batch of h.host.state.batches.values()) batch.blocks.clear();
    const again = await h.uploadFile(path, "a.bin", { ...ALWAYS, resume });
    holdsOnce(h, again, content);
    expect(again.notes.join()).toContain("no longer knows");
  });

  test("loses nothing by a nonsensical status", async () => {
    await using h = await harness();
    const content = bytesOf(3 * BLOCK);
    const { path, resume } = await interrupted(h, content, 3);
    for (const missing_chunks of [[0], [4], ["x"], "all", { 1: 1 }, [1.5]]) {
      h.host.fault("block-status", { change: (answer) => ({ ...answer, missing_chunks }) });
    }
    const again = await h.uploadFile(path, "a.bin", { ...ALWAYS, resume, retries: 9 });
    holdsOnce(h, again, content);
    expect(again.failures.map((error) => error.code)).toEqual(Array(6).fill("host_protocol"));
    expect(h.host.of("register").length).toBe(1);
  });

  test("is given up by --resumable never", async () => {
    await using h = await harness();
    const content = bytesOf(3 * BLOCK);
    const { path, resume } = await interrupted(h, content, 3);
    const again = await h.uploadFile(path, "a.bin", { resumable: "never", resume });
    expect(again.result).toMatchObject({ verified: "md5", md5: md5(content) });
    expect(h.host.files.length).toBe(1);
  });
});

describe("a host without blocks", () => {
  for (const step of ["resumable-link", "register"] as const) {
    for (const [what, fault] of [
      ["404", { status: 404, body: { return_code: 404, message: "No such call" } }],
      ["405", { status: 405 }],
      ["410", { status: 410 }],
      ["another shape", { status: 200, body: { done: true, upload_url: 5 } }],
      ["a page", { status: 200, body: "<html>" }],
    ] as const) {
      test(`${step}: ${what} ends with 7 where blocks are insisted on`, async () => {
        await using h = await harness();
        h.host.fault(step, fault, 99);
        const always = await send(h, bytesOf(9));
        expect(always.error).toMatchObject({ code: "host_rejected", exit: 7 });
        expect(h.host.of("block").length).toBe(0);
      });
    }
  }

  test("is to get files in one piece, which is said, and is not asked for blocks again", async () => {
    await using h = await harness();
    h.host.fault("resumable-link", { status: 404 }, 99);
    const path = h.file("a.bin", "");
    truncateSync(path, 256 * MIB);
    for (const name of ["a.bin", "b.bin"]) {
      const stop = new AbortController();
      const onPhase = (phase: string) => void (phase === "sending" && stop.abort());
      const { notes, phases } = await h.uploadFile(path, name, { signal: stop.signal, onPhase });
      expect(phases.at(-1)).toBe("sending");
      const said = ["Ulož.to does not offer uploads in blocks now: files are sent in one piece"];
      expect(notes).toEqual(name === "a.bin" ? said : []);
    }
    expect(h.host.of("link").length).toBe(2);
    expect(h.host.of("resumable-link").length).toBe(1);
  });

  test("a server on a private network gets no block", async () => {
    await using h = await harness({ loopback: false });
    const tried = await send(h, bytesOf(9));
    expect(tried.error).toMatchObject({ code: "host_rejected" });
    expect(h.host.of("register").length).toBe(0);
  });
});

describe("what the host put together", () => {
  test("with another size is never committed; sent once more, then 8", async () => {
    await using h = await harness();
    h.host.fault("property", { change: (file) => ({ ...file, filesize: 3 }) }, 9);
    const tried = await send(h, bytesOf(100));
    expect(tried.error).toMatchObject({ code: "integrity", exit: 8 });
    expect(h.host.of("register").length).toBe(2);
    expect(h.host.files).toEqual([]);
    expect(h.host.of("commit").length).toBe(0);
  });

  test("not at all: `error` is sent once more, or refused in the host's words", async () => {
    await using h = await harness();
    h.host.fault("block-status", { status: 200, body: { status: "error", return_code: 500 } });
    const content = bytesOf(100);
    holdsOnce(h, await send(h, content), content);
    h.host.fault("block-status", { status: 200, body: { status: "error", return_code: 400, message: "Not allowed" } });
    expect((await send(h, bytesOf(5))).error).toMatchObject({ code: "host_rejected", hostMessage: "Not allowed" });
  });

  test("is waited for while it is being put together", async () => {
    await using h = await harness();
    h.host.fault("block-status", { status: 200, body: { status: "processing", missing_chunks: [] } }, 3);
    const content = bytesOf(100);
    holdsOnce(h, await send(h, content), content);
    expect(h.host.of("block-status").length).toBe(4);
  });
});
