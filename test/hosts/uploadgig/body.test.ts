import { describe, expect, test } from "bun:test";
import { uploadgig } from "../../../src/hosts/uploadgig/index.ts";
import { streamSource } from "../../../src/io/stream-source.ts";
import { gate } from "../../e2e/stand-in/fault.ts";
import { hostEnv } from "../../support/host-env.ts";
import { bytesOf } from "../../support/temporary.ts";
import { runAttempts } from "../../support/upload-context.ts";
import { LARGE, LARGER_THAN_BUFFERS, PASSWORD, scene } from "./fixture.ts";

const refused = (message: string) => ({ body: { 0: { message, ok: false } } });
const STALE = refused("Invalid identity provided");
// biome-ignore lint/suspicious/noExplicitAny: the host's answer, altered at will
const entry = (change: object) => ({ change: (answer: any) => ({ 0: { ...answer[0], ...change } }) });

describe("the bytes", () => {
  test("go raw, with their length and the name in Slug", async () => {
    await using s = await scene();
    const { result } = await s.run(300_001, "Žluť 100%.bin");
    const [body] = s.gig.of("body");
    expect(body?.head.header("content-length")).toBe("300001");
    expect(body?.head.header("transfer-encoding")).toBeNull();
    expect(body?.head.header("content-type")).toBe("application/octet-stream");
    expect(body?.head.header("slug")).toBe("%C5%BDlu%C5%A5 100%25.bin");
    expect(body?.md5).toBe(new Bun.CryptoHasher("md5").update(bytesOf(300_001)).digest("hex"));
    expect(result).toMatchObject({ url: s.gig.files[0]?.url, size: 300_001, verified: "size" });
    expect(result?.remoteId).toHaveLength(16);
    expect(s.gig.violations).toEqual([]);
  });

  test("of unknown length go in chunks", async () => {
    await using s = await scene();
    const session = await uploadgig.open(
      { user: s.gig.user, password: PASSWORD },
      { baseUrl: s.gig.url, loopback: true },
      hostEnv(),
    );
    const stdin = streamSource("-", new Response(bytesOf(700_001)).body as ReadableStream<Uint8Array<ArrayBuffer>>, {
      hash: false,
    });
    const { result } = await runAttempts(session, stdin, { name: "a", folder: null }, s.context);
    expect(s.gig.files).toMatchObject([{ size: 700_001, framing: "chunked" }]);
    expect(result).toMatchObject({ size: 700_001, verified: "size" });
    expect(s.context.phases).toEqual(["preparing", "sending", "finishing", "stored"]);
  });

  test("leave once `sending` is durable, the last of them once `finishing` is", async () => {
    const sending = gate();
    const finishing = gate();
    await using s = await scene({
      async onPhase(phase) {
        const held = phase === "sending" ? sending : phase === "finishing" ? finishing : null;
        held?.arrive();
        await held?.opened;
      },
    });
    const run = s.run(1000);
    await sending.reached;
    await Bun.sleep(20);
    expect(s.gig.of("body")).toEqual([]);
    sending.open();
    await finishing.reached;
    await Bun.sleep(20);
    expect(s.gig.of("body")[0]?.complete ?? false).toBe(false);
    finishing.open();
    expect((await run).result).toMatchObject({ size: 1000 });
  });

  test("stop as soon as the file changes, and the host's link is told when that was seen too late", async () => {
    await using s = await scene({
      onPhase: async (phase) => {
        if (phase === "stored") await Bun.write(source.label, "other");
      },
    });
    const source = s.source(1000);
    const session = await uploadgig.open(
      { user: s.gig.user, password: PASSWORD },
      { baseUrl: s.gig.url, loopback: true },
      hostEnv(),
    );
    const { errors } = await runAttempts(session, source, { name: "a", folder: null }, s.context);
    expect(errors).toMatchObject([{ code: "source", url: s.gig.files[0]?.url }]);
  });
});

describe("an answer that says yes", () => {
  test.each([
    ["an array", { change: (answer: Record<string, unknown>) => [answer[0]] }],
    ["a size in digits", entry({ size: "10" })],
    ["a number as id", entry({ id: 7 })],
    ["more than we know", entry({ extra: { deep: [1] } })],
  ])("as %s", async (_, fault) => {
    await using s = await scene();
    s.gig.fault("body", fault);
    expect((await s.run(10)).result).toMatchObject({ size: 10, verified: "size" });
  });

  test.each([undefined, null, "many", {}])("with size %p confirms nothing", async (size) => {
    await using s = await scene();
    s.gig.fault("body", entry({ size, id: undefined }));
    expect((await s.run(10)).result).toMatchObject({ size: 10, verified: null, remoteId: null });
  });

  test.each([9, 11, 0, "9"])("with size %p for 10 bytes is no success, and its link is told", async (size) => {
    await using s = await scene();
    s.gig.fault("body", entry({ size }));
    const { errors } = await s.run(10);
    expect(errors).toMatchObject([{ code: "integrity", url: s.gig.files[0]?.url, retryable: false }]);
    expect(s.gig.of("body").length).toBe(1);
  });

  test("before the whole file was taken holds less than the file", async () => {
    await using s = await scene();
    s.gig.fault("body", { body: { 0: { ok: true, url: "https://uploadgig.com/f", size: LARGE } }, early: "drain" });
    expect((await s.run(LARGE)).errors).toMatchObject([{ code: "integrity", url: "https://uploadgig.com/f" }]);
  });
});

describe("an answer that says no", () => {
  test("is final, in the host's words", async () => {
    await using s = await scene();
    s.gig.fault("body", refused("No more space\r\n"));
    expect((await s.run(10)).errors).toMatchObject([{ code: "host_rejected", hostMessage: "No more space\r\n" }]);
    expect(s.gig.of("body").length).toBe(1);
  });

  test.each([
    [
      "413 early",
      { status: 413, body: "<title>413 Request Entity Too Large</title>", early: "close" },
      "413 Request Entity Too Large",
    ],
    ["403 early", { status: 403, body: { message: "Banned" }, early: "drain" }, "Banned"],
    ["a refusal early", { ...refused("Not this kind"), early: "close" }, "Not this kind"],
    ["413 in the end", { status: 413, body: "too large" }, "too large"],
    ["a refusal with status 400", { ...refused("Bad name"), status: 400 }, "Bad name"],
  ] as const)("%s is the host's answer, not a network failure", async (_, fault, hostMessage) => {
    await using s = await scene();
    s.gig.fault("body", fault);
    expect((await s.run(LARGE)).errors).toMatchObject([{ code: "host_rejected", hostMessage }]);
    expect(s.gig.of("body").length).toBe(1);
  });

  test.each(["Invalid identity provided", "INVALID IDENTITY PROVIDED. "])(
    "%p takes a new action and sends again, twice at most",
    async (message) => {
      await using s = await scene();
      s.gig.fault("body", refused(message), 3);
      const { errors } = await s.run(10);
      expect(errors.map((error) => [error.code, error.retry.again])).toEqual([
        ["host_unavailable", true],
        ["host_unavailable", true],
        ["host_unavailable", false],
      ]);
      expect(s.gig.of("action").length).toBe(3);
      expect((await s.run(10)).result).not.toBeNull();
    },
  );

  test("429 cools the account down", async () => {
    await using s = await scene();
    s.gig.fault("body", { ...STALE, status: 429, headers: { "Retry-After": "3" } });
    expect(await s.fails(10)).toMatchObject({ code: "rate_limited", retry: { coolDownMs: 3_000 } });
  });
});

describe("no answer to trust", () => {
  test.each([
    ["a broken connection", { breakAt: "answer" }],
    ["an orderly end", { breakAt: "answer", breakWith: "fin" }],
    ["half an answer", { cutAnswerAt: 20 }],
    ["half of the JSON", { status: 200, body: '{"0":{"ok":true,"ur', effect: true }],
    ["502", { status: 502, body: "<html>", effect: true }],
    ["a page", { status: 200, body: "<html>", effect: true }],
    ["nothing", { status: 200, body: "", effect: true }],
    ["a redirect", { status: 307, headers: { Location: "/elsewhere" } }],
    ["no envelope", { body: { ok: true, url: "https://uploadgig.com/f" } }],
    ["no ok", entry({ ok: undefined })],
    ["an ok that is not true", entry({ ok: "true" })],
    ["a yes with status 404", { status: 404, body: { 0: { ok: true, url: "https://uploadgig.com/f" } } }],
    ["a yes with status 500", { status: 500, body: { 0: { ok: true, url: "https://uploadgig.com/f" } } }],
    ["no url", entry({ url: undefined })],
    ["a url elsewhere", entry({ url: "https://uploadgig.com.evil.example/f" })],
    ["a url that is a script", entry({ url: "javascript:alert(1)" })],
    ["more than a mebibyte", { body: { 0: { ok: true, url: "https://uploadgig.com/f", x: "x".repeat(1024 * 1024) } } }],
  ] as const)("%s after the last byte is an unknown outcome, and no second body", async (_, fault) => {
    await using s = await scene();
    s.gig.fault("body", fault as Parameters<typeof s.gig.fault>[1]);
    const { errors } = await s.run(5000);
    expect(errors).toMatchObject([{ code: "outcome_unknown", exit: 9, retryable: false }]);
    expect(errors[0]?.retry).toEqual({});
    expect(s.gig.seen.map((one) => one.step)).toEqual(["action", "body"]);
  });

  test("none at all within the time for one is unknown, too", async () => {
    await using s = await scene({ env: { answerTimeoutMs: () => 60 } });
    s.gig.fault("body", { delayMs: 60_000 });
    expect(await s.fails(10)).toMatchObject({ code: "outcome_unknown" });
  });

  test.each([
    ["broken at its head", { breakAt: "head" }, "network"],
    ["broken at byte 1,234,567", { breakAt: 1_234_567 }, "network"],
    ["503 early", { status: 503, early: "drain" }, "host_unavailable"],
    ["a page early", { status: 200, body: "<html>", early: "drain" }, "host_protocol"],
    ["a redirect early", { status: 307, headers: { Location: "/x" }, early: "close" }, "host_protocol"],
    ["no ok early", { body: { 0: { message: "Hm" } }, early: "drain" }, "host_protocol"],
  ] as const)("%s: before the last byte it is safe to send again", async (_, fault, code) => {
    await using s = await scene();
    s.gig.fault("body", fault);
    const { result, errors } = await s.run(LARGE);
    expect(errors.map((error) => error.code)).toEqual([code]);
    expect(result).toMatchObject({ size: LARGE });
    expect(s.gig.seen.map((one) => one.step)).toEqual(["action", "body", "action", "body"]);
    expect(s.gig.files.length).toBe(1);
  });

  test("408 is a host that did not get the file: sent again", async () => {
    await using s = await scene();
    s.gig.fault("body", { status: 408, body: "timeout" });
    expect((await s.run(10)).result).not.toBeNull();
  });

  test("a host that takes no more bytes is left after the idle time", async () => {
    await using s = await scene({ env: { idleTimeoutMs: 400 } });
    s.gig.fault("body", { stallAt: 1_000_000 });
    const { result, errors } = await s.run(LARGER_THAN_BUFFERS);
    expect(errors.map((error) => error.code)).toEqual(["timeout"]);
    expect(result).not.toBeNull();
  });
});

test("an early answer stops the reading of the file", async () => {
  await using s = await scene();
  s.gig.fault("body", { status: 403, early: "drain" });
  let read = 0;
  const source = s.source(LARGE);
  const counted = {
    ...source,
    size: source.size,
    bytesRead: 0,
    spent: false,
    md5: () => null,
    assertUnchanged: async () => {},
    async *open() {
      for await (const chunk of source.open()) {
        read += chunk.byteLength;
        yield chunk;
        await Bun.sleep(5);
      }
    },
  };
  const session = await uploadgig.open(
    { user: s.gig.user, password: PASSWORD },
    { baseUrl: s.gig.url, loopback: true },
    hostEnv(),
  );
  await expect(session.upload(counted, { name: "a", folder: null }, s.context)).rejects.toMatchObject({
    code: "host_rejected",
  });
  const then = read;
  await Bun.sleep(80);
  expect(then).toBeLessThan(LARGE);
  expect(read).toBeLessThanOrEqual(then + 1_000_000);
});
