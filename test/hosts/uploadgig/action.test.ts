import { describe, expect, test } from "bun:test";
import { scene } from "./fixture.ts";

const LIMIT = { code: "-3", result: "According to security reasons, you can't login a few minutes." };
const granted = (action: string, more: object = {}) => ({ code: "1", result: { action, ...more } });

describe("the action", () => {
  test("is asked for with user and password as a form, right before the bytes", async () => {
    await using s = await scene();
    const { result } = await s.run(10);
    expect(result).toMatchObject({ size: 10, verified: "size", md5: null });
    expect(s.gig.violations).toEqual([]);
    expect(s.gig.seen.map((one) => one.step)).toEqual(["action", "body"]);
    expect(s.context.phases).toEqual(["preparing", "sending", "finishing", "stored"]);
  });

  test.each(["1", 1, " 1 "])("code %p is success", async (code) => {
    await using s = await scene();
    s.gig.fault("action", { change: (answer) => ({ ...answer, code }) });
    expect((await s.run(10)).result).not.toBeNull();
  });

  test.each(["0", 0])("code %p is a refused login in the host's words, and no retry", async (code) => {
    await using s = await scene();
    s.gig.fault("action", { body: { code, result: "Email or password was incorrect!" } });
    const { errors } = await s.run(10);
    expect(errors).toMatchObject([{ code: "host_auth", hostMessage: "Email or password was incorrect!" }]);
    expect(s.gig.seen.length).toBe(1);
  });

  test.each([{ code: "0" }, { code: 0, result: null }, { code: "0", result: { reason: 1 } }])(
    "%j is one without words, and no retry either",
    async (body) => {
      await using s = await scene();
      s.gig.fault("action", { body });
      expect((await s.run(10)).errors).toMatchObject([{ code: "host_auth" }]);
      expect(s.gig.seen.length).toBe(1);
    },
  );

  test("any other code is the host's refusal", async () => {
    await using s = await scene();
    s.gig.fault("action", { body: { code: "7", result: "Premium only" } });
    expect((await s.run(10)).errors).toMatchObject([{ code: "host_rejected", hostMessage: "Premium only" }]);
  });

  test.each([
    ["code -3", { body: LIMIT }, { coolDownMs: null }, LIMIT.result],
    [
      "code -3 with Retry-After",
      { body: LIMIT, headers: { "Retry-After": "90" } },
      { coolDownMs: 90_000 },
      LIMIT.result,
    ],
    ["code -3 without words", { body: { code: -3 } }, { coolDownMs: null }, undefined],
    ["429", { status: 429, body: { message: "Slow down" } }, { coolDownMs: null }, "Slow down"],
    ["429 with Retry-After", { status: 429, headers: { "Retry-After": "5" } }, { coolDownMs: 5_000 }, undefined],
  ])("%s cools the account down, three times at most", async (_, fault, retry, hostMessage) => {
    await using s = await scene();
    s.gig.fault("action", fault, 9);
    const { errors } = await s.run(10);
    expect(errors).toMatchObject(
      [true, true, false].map((again) => ({ code: "rate_limited", hostMessage, retry: { ...retry, again } })),
    );
    expect(s.gig.of("body")).toEqual([]);
  });

  test.each([
    ["500", { status: 500, body: "<html>" }, "host_unavailable"],
    ["a page", { status: 200, body: "<html>" }, "host_protocol"],
    ["a 404", { status: 404, body: "<html>" }, "host_protocol"],
    ["half an answer", { cutAnswerAt: 12 }, "network"],
    ["half of the JSON", { body: '{"code":"1","resu' }, "host_protocol"],
    ["no code", { body: { result: "x" } }, "host_protocol"],
    ["an unreadable code", { body: { code: "one", result: "x" } }, "host_protocol"],
    ["no address", { body: { code: 1, result: { cmbs: 5 } } }, "host_protocol"],
    ["an address that is none", { body: granted("javascript:alert(1)") }, "host_protocol"],
    ["a broken connection", { breakAt: "answer" }, "network"],
    ["a mebibyte and more", { body: `{"code":"1","x":"${"x".repeat(1024 * 1024)}"}` }, "host_protocol"],
  ] as const)("%s is tried three times, ten bases apart", async (_, fault, code) => {
    await using s = await scene();
    s.gig.fault("action", fault, 9);
    const { errors } = await s.run(10);
    expect(errors.map((error) => error.code)).toEqual([code, code, code]);
    expect(errors.map((error) => error.retry.afterMs)).toEqual([10, 10, 10]);
    expect(s.gig.of("action").length).toBe(3);
    expect(s.gig.of("body")).toEqual([]);
  });

  test("the three are over all attempts, whatever comes between", async () => {
    await using s = await scene();
    s.gig.fault("action", { status: 500 }, 2);
    s.gig.fault("body", { body: { 0: { ok: false, message: "Invalid identity provided" } } });
    s.gig.fault("action", { status: 500, when: () => s.gig.of("body").length > 0 });
    const { errors } = await s.run(10);
    expect(errors.map((error) => [error.code, error.retry.again])).toEqual([
      ["host_unavailable", true],
      ["host_unavailable", true],
      ["host_unavailable", true],
      ["host_unavailable", false],
    ]);
    expect(s.gig.seen.map((one) => one.step)).toEqual(["action", "action", "action", "body", "action"]);
  });

  test.each([
    ["7", { afterMs: 7_000, coolDownMs: undefined }],
    ["60", { afterMs: 60_000, coolDownMs: undefined }],
    ["61", { coolDownMs: 61_000 }],
  ])("Retry-After: %s of a 503", async (seconds, retry) => {
    await using s = await scene();
    s.gig.fault("action", { status: 503, headers: { "Retry-After": seconds } });
    const error = await s.fails(10);
    expect(error.code).toBe("host_unavailable");
    for (const [name, value] of Object.entries(retry)) expect(Reflect.get(error.retry, name)).toBe(value);
  });

  test("no answer within the time for one ends in a timeout", async () => {
    await using s = await scene({ env: { idleTimeoutMs: 60 } });
    s.gig.fault("action", { delayMs: 60_000 });
    expect(await s.fails(10)).toMatchObject({ code: "timeout", retry: { again: true, afterMs: 10 } });
  });

  test("one that is 51 s old when the bytes could go is replaced", async () => {
    let slept = 0;
    let pending = 51_000;
    await using s = await scene({
      env: { now: () => slept },
      onPhase(phase) {
        if (phase !== "sending") return;
        slept += pending;
        pending = 50_000;
      },
    });
    expect((await s.run(10)).result).not.toBeNull();
    expect(s.gig.seen.map((one) => one.step)).toEqual(["action", "action", "body"]);
  });

  test("a machine that is never in time gives up", async () => {
    let slept = 0;
    await using s = await scene({
      env: { now: () => slept },
      onPhase: (phase) => {
        if (phase === "sending") slept += 51_000;
      },
    });
    expect(await s.fails(10)).toMatchObject({ code: "timeout" });
    expect(s.gig.seen.map((one) => one.step)).toEqual(["action", "action", "action"]);
  });
});

describe("redirects of the action", () => {
  const to = (location: string, status = 307) => ({ status, headers: { Location: location } });

  test("are followed three times, with method and body", async () => {
    await using s = await scene();
    for (const status of [301, 303, 308]) s.gig.fault("action", to("?hop", status));
    const { result } = await s.run(10);
    expect(result).not.toBeNull();
    const calls = s.gig.of("action");
    expect(calls.map((one) => one.head.method)).toEqual(["POST", "POST", "POST", "POST"]);
    expect(new Set(calls.map((one) => one.text))).toEqual(new Set([calls[0]?.text ?? ""]));
  });

  test.each([
    ["a fourth", "/api/get_upload_action?again", 4],
    ["another host", "http://127.0.0.2/api/get_upload_action", 1],
    ["another port", "http://127.0.0.1:1/api/get_upload_action", 1],
    ["another scheme", "ftp://127.0.0.1/api/get_upload_action", 1],
    ["user information", "http://me@127.0.0.1/api/get_upload_action", 1],
    ["nowhere", "http://", 1],
  ])("%s is not followed, and not tried again", async (_, location, calls) => {
    await using s = await scene();
    s.gig.fault("action", to(location), 9);
    expect((await s.run(10)).errors).toMatchObject([{ code: "host_protocol", exit: 5 }]);
    expect(s.gig.seen.length).toBe(calls);
  });
});

describe("what the account has left", () => {
  const MIB = 1_048_576;

  test.each([1, "1", " 1.0 "])("cmbs %p takes exactly a mebibyte", async (cmbs) => {
    await using s = await scene();
    s.gig.fault("action", { change: (answer) => ({ ...answer, result: { ...answer.result, cmbs } }) }, 2);
    expect((await s.run(MIB)).result).toMatchObject({ size: MIB });
    const { errors } = await s.run(MIB + 1);
    expect(errors).toMatchObject([{ code: "host_quota", message: "the account has 1 MiB left, a.bin needs 1.01 MiB" }]);
    expect(s.gig.of("body").length).toBe(1);
  });

  test.each([undefined, null, "", "lots", {}, -1, "1e3"])("cmbs %p is not known: the host will say", async (cmbs) => {
    await using s = await scene();
    s.gig.fault("action", { change: (answer) => ({ ...answer, result: { ...answer.result, cmbs } }) });
    expect((await s.run(MIB + 1)).result).toMatchObject({ size: MIB + 1 });
  });

  test("an account that is full takes an empty file and no other", async () => {
    await using s = await scene();
    s.gig.cmbs = 0;
    expect((await s.run(0)).result).toMatchObject({ size: 0 });
    expect((await s.run(1)).errors).toMatchObject([{ code: "host_quota" }]);
  });
});
