import { describe, expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { openFile } from "../../../src/io/source.ts";
import { harness } from "./harness.ts";

const html = "<html><body>Bad gateway</body></html>";
/** More than the buffers of two sockets hide. */
const LARGE = new Uint8Array(16 * 1024 * 1024);

describe("an upload", () => {
  for (const size of [0, 1, 65_537, 3_000_001]) {
    test(`of ${size} bytes arrives as it is, with its name, folder and checked MD5`, async () => {
      await using h = await harness();
      const { result, phases } = await h.upload("Žluť 1.bin", size, { folder: "/F" });
      const [file] = h.host.files;
      expect(result).toEqual({
        url: `https://uloz.to/file/${file?.slug}/${encodeURIComponent("Žluť 1.bin")}`,
        remoteId: file?.slug ?? "",
        size,
        md5: file?.md5 ?? "",
        verified: "md5",
      });
      expect(file).toMatchObject({ name: "Žluť 1.bin", size, folder: h.host.state.folders[1]?.slug });
      expect(phases).toEqual(["preparing", "sending", "finishing", "stored", "placed", "committing", "committed"]);
      expect(h.host.violations).toEqual([]);
    });
  }

  for (const name of [
    `q"uo'te.bin`,
    "100%.bin",
    "back\\slash\\",
    "🎉 emoji 👩‍👩‍👧",
    "A\u030a.nfd",
    " blank ",
    "x".repeat(255),
  ]) {
    test(`named ${JSON.stringify(name.slice(0, 30))} keeps its name`, async () => {
      await using h = await harness();
      expect((await h.upload(name, 10)).error).toBeNull();
      expect(h.host.files.map((file) => file.name)).toEqual([name]);
      expect(h.host.violations).toEqual([]);
    });
  }

  test("whose properties are done without a word has a link all the same, alone or with others", async () => {
    await using h = await harness();
    const silent = { status: 204, body: "", effect: true };
    h.host.fault("property", silent, 2);
    h.host.fault("properties", silent, 2);
    const alone = await h.upload("a", 10);
    const together = await Promise.all([h.upload("b", 10, { more: true }), h.upload("c", 10, { more: true })]);
    for (const { result, attempts } of [alone, ...together]) {
      expect(attempts).toBe(1);
      expect(result?.url).toBe(`https://uloz.to/file/${result?.remoteId}`);
    }
    expect(h.host.files.map((file) => file.name).sort()).toEqual(["a", "b", "c"]);
  });

  for (const body of ["", "{}"]) {
    test(`whose properties answer ${JSON.stringify(body)} and set nothing are set again: alone or with others`, async () => {
      await using h = await harness();
      h.host.fault("property", { status: 200, body });
      h.host.fault("properties", { status: 200, body: body === "" ? "" : "[]" });
      const names = ["alone", "b", "c"];
      const alone = await h.upload("alone", 10, { folder: "/F" });
      const together = await Promise.all(["b", "c"].map((name) => h.upload(name, 10, { folder: "/F", more: true })));
      expect([alone, ...together].map(({ error, attempts }) => [error, attempts])).toEqual(Array(3).fill([null, 1]));
      const folder = h.host.state.folders.find(({ name }) => name === "F")?.slug ?? "";
      expect(h.host.files.map((file) => [file.name, file.folder]).sort()).toEqual(names.map((name) => [name, folder]));
      expect([h.host.of("property").length, h.host.of("properties").length]).toEqual([2, 2]);
    });
  }

  for (const [what, change, url] of [
    ["no link", { url: undefined }, undefined],
    ["a link to a page of somebody else", { url: "https://evil.example/x" }, undefined],
    ["a link that is no link", { url: "javascript:alert(1)" }, undefined],
    ["a link on another of its domains", { url: "https://ulozto.cz/f/1" }, "https://ulozto.cz/f/1"],
  ] as const) {
    test(`whose properties hold ${what} has a link all the same`, async () => {
      await using h = await harness();
      h.host.fault("property", { change: (answer) => ({ ...answer, ...change }) });
      const { result } = await h.upload("a", 10);
      expect(result?.url).toBe(url ?? `https://uloz.to/file/${h.host.files[0]?.slug}`);
    });
  }
});

describe("a body", () => {
  for (const [what, fault] of [
    ["broken after its head", { breakAt: "head" }],
    ["broken in the middle", { breakAt: 1_000_000 }],
  ] as const) {
    test(`${what} is sent again, and the failure counts`, async () => {
      await using h = await harness();
      h.host.fault("upload", fault);
      const { error, failures, free } = await h.upload("a", LARGE);
      expect(error).toBeNull();
      expect(failures).toMatchObject([{ code: "network" }]);
      expect(free).toBe(0);
      expect(h.host.files.length).toBe(1);
      expect(h.host.violations).toEqual([]);
    });
  }

  for (const [what, fault, code] of [
    ["broken after the last byte", { breakAt: "end" }, "network"],
    ["whose answer is lost", { breakAt: "answer" }, "network"],
    ["whose answer is cut", { cutAnswerAt: 20 }, "network"],
    ["answered with a page", { status: 200, body: html, effect: true }, "host_protocol"],
    ["answered without a slug", { change: () => ({ return_code: 200, message: "Done" }) }, "integrity"],
    ["answered with 502", { status: 502, body: html, effect: true }, "host_unavailable"],
  ] as const) {
    test(`${what} is sent again in a new batch; the other is never committed`, async () => {
      await using h = await harness();
      h.host.fault("upload", fault);
      const { error, failures } = await h.upload("a", 5000);
      expect(error).toBeNull();
      expect(failures.map((each) => each.code)).toEqual([code]);
      expect(h.host.files.length).toBe(1);
      expect(h.host.of("commit").length).toBe(1);
      expect(h.host.state.batches.size).toBe(2);
      expect(h.host.violations).toEqual([]);
    });
  }

  test("whose answer never comes ends with `timeout`, and is sent again in a new batch", async () => {
    let patience = 150;
    const answerTimeoutMs = (bytes: number) => {
      if (bytes === 0) return 5_000;
      const ms = patience;
      patience = 5_000;
      return ms;
    };
    await using h = await harness({ env: { answerTimeoutMs } });
    h.host.fault("upload", { delayMs: 3000, effect: true });
    const { error, failures } = await h.upload("a", 5000);
    expect(error).toBeNull();
    expect(failures.map((each) => each.code)).toEqual(["timeout"]);
    expect(h.host.of("commit").length).toBe(1);
  });

  test("answered early is answered: host_rejected in the host's words", async () => {
    await using h = await harness();
    h.host.fault("upload", { status: 413, body: { return_code: 413, message: "Too large" }, early: "drain" });
    const { error, attempts } = await h.upload("a", LARGE);
    expect(error).toMatchObject({ code: "host_rejected", hostMessage: "Too large" });
    expect(attempts).toBe(1);
  });

  test("asked to wait is rate_limited with the host's own time", async () => {
    await using h = await harness();
    h.host.fault("upload", { status: 429, body: html, headers: { "Retry-After": "3" } });
    const { failures, error } = await h.upload("a", 10, { pause: async () => {} });
    expect(failures).toMatchObject([{ code: "rate_limited", retry: { afterMs: 3000 } }]);
    expect(error).toBeNull();
  });

  test("of a file that changes while it is sent is no success, and its batch is dropped", async () => {
    await using h = await harness();
    const path = h.file("a", 100);
    let answered = 0;
    h.host.fault("upload", {
      change: (answer) => {
        answered += 1;
        appendFileSync(path, "more");
        return answer;
      },
    });
    using source = openFile(path, { hash: true });
    const phases: string[] = [];
    const attempt = h.session.upload(
      source,
      { name: "a", folder: "/" },
      {
        signal: new AbortController().signal,
        options: { resumable: "auto", checksum: false, overflow: "fail" },
        resume: null,
        phase: async (phase) => void phases.push(phase),
        person: async () => {},
        spend: () => true,
        release: () => {},
        more: () => false,
        note: () => {},
      },
    );
    await expect(attempt).rejects.toMatchObject({ code: "source" });
    expect(answered).toBe(1);
    expect(phases).not.toContain("stored");
    expect(h.host.of("commit")).toEqual([]);
  });

  test("stopped in the middle leaves nothing hanging", async () => {
    await using h = await harness();
    h.host.fault("upload", { stallAt: 100_000 });
    const stop = new AbortController();
    const upload = h.upload("a", LARGE, { signal: stop.signal });
    while (h.host.of("upload").length === 0 || (h.host.of("upload")[0]?.received ?? 0) < 100_000) await Bun.sleep(2);
    const before = performance.now();
    stop.abort();
    expect((await upload).error).toMatchObject({ code: "cancelled" });
    expect(performance.now() - before).toBeLessThan(500);
  });

  test("that stalls ends with `timeout` and is sent again", async () => {
    await using h = await harness({ env: { idleTimeoutMs: 400 } });
    h.host.fault("upload", { stallAt: 100_000 });
    // Socket buffers hide less: Linux lets them grow to 36 MB.
    const { failures, error } = await h.upload("a", new Uint8Array(48 * 1024 * 1024));
    expect(failures.map((each) => each.code)).toEqual(["timeout"]);
    expect(error).toBeNull();
  });
});

describe("the host's answer to a body", () => {
  test("with a return_code of 400–499 is not sent again", async () => {
    await using h = await harness();
    const refused = { return_code: 415, message: "Forbidden type", slug: null, size: 0, md5: null };
    h.host.fault("upload", { body: { ...refused, slug: undefined, size: undefined, md5: undefined } });
    const { error, attempts } = await h.upload("a", 10);
    expect(error).toMatchObject({ code: "host_rejected", hostMessage: "Forbidden type" });
    expect(attempts).toBe(1);
    expect(h.host.of("commit")).toEqual([]);
  });

  test("may hold nulls where it refuses", async () => {
    await using h = await harness();
    const refused = { return_code: 415, message: "Forbidden type", slug: null, size: null, md5: null };
    h.host.fault("upload", { body: refused });
    expect((await h.upload("a", 10)).error).toMatchObject({ code: "host_rejected", hostMessage: "Forbidden type" });
  });

  for (const [what, change] of [
    ["a return_code of 500", { return_code: 500 }],
    ["another message", { message: "Nearly done" }],
    ["a wrong size", { size: 9 }],
    ["no size", { size: undefined }],
    ["a wrong MD5", { md5: "0".repeat(32) }],
    ["no MD5", { md5: undefined }],
  ] as const) {
    test(`with ${what}: dropped and sent once more, then it is \`integrity\`; nothing doubtful is committed`, async () => {
      await using h = await harness();
      const wrong = { change: (answer: object) => ({ ...answer, ...change }) };
      h.host.fault("upload", wrong);
      expect((await h.upload("a", 10)).error).toBeNull();
      expect(h.host.of("commit").length).toBe(1);
      h.host.fault("upload", wrong, 9);
      const { error, attempts } = await h.upload("b", 10);
      expect(error).toMatchObject({ code: "integrity" });
      expect(attempts).toBe(2);
      expect(h.host.of("commit").length).toBe(1);
      expect(h.host.files.map((file) => file.name)).toEqual(["a"]);
    });
  }

  for (const status of [409, 500]) {
    test(`that says all is well with HTTP ${status} is no success; its batch is never committed`, async () => {
      await using h = await harness();
      h.host.fault("upload", {
        status,
        body: { return_code: 200, message: "Done", size: 3, md5: "900150983cd24fb0d6963f7d28e17f72", slug: "s" },
        effect: true,
      });
      const { error, attempts } = await h.upload("a", "abc");
      expect(error?.code).toBe(status === 500 ? undefined : "host_rejected");
      expect(attempts).toBe(status === 500 ? 2 : 1);
      expect(h.host.files.length).toBe(status === 500 ? 1 : 0);
      expect(h.host.of("property").length).toBe(status === 500 ? 1 : 0);
      expect([...h.host.state.batches.values()][0]?.commits).toBe(0);
    });
  }

  test("is understood with numbers as text and an MD5 in capitals", async () => {
    await using h = await harness();
    h.host.fault("upload", {
      change: (answer) => ({
        ...answer,
        return_code: String(answer.return_code),
        size: String(answer.size),
        md5: answer.md5.toUpperCase(),
      }),
    });
    expect((await h.upload("a", 10)).attempts).toBe(1);
  });
});
