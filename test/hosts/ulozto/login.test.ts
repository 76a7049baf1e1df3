import { describe, expect, test } from "bun:test";
import { openSession } from "../../../src/hosts/ulozto/session.ts";
import { gate } from "../../e2e/stand-in/fault.ts";
import { harness } from "./harness.ts";

const refusal = (status: number, error: number, message: string) => ({
  status,
  body: { error, code: status, message },
});

describe("the login", () => {
  test("a token goes to its own call, and to the documented one when that refuses it; what worked is remembered", async () => {
    await using h = await harness({ host: { tokenIsPassword: true } });
    expect((await h.upload("a", 10)).error).toBeNull();
    h.host.expireSessions();
    expect((await h.upload("b", 10)).error).toBeNull();
    expect(h.host.seen.map((one) => one.step).filter((step) => step.startsWith("login"))).toEqual([
      "login-token",
      "login-password",
      "login-password",
    ]);
    expect(h.host.violations).toEqual([]);
  });

  test("a password goes by PUT alone", async () => {
    await using h = await harness({ host: { password: "pw" }, secrets: { password: "pw" } });
    expect((await h.upload("a", 10)).error).toBeNull();
    expect(h.host.of("login-token")).toEqual([]);
  });

  for (const status of [400, 401, 403]) {
    test(`${status} is host_auth, not tried again, in the host's words`, async () => {
      await using h = await harness({ host: { password: "pw" }, secrets: { password: "other" } });
      h.host.fault("login-password", refusal(status, 70_002, "Špatné heslo"));
      const { error, attempts } = await h.upload("a", 10);
      expect(error).toMatchObject({ code: "host_auth", hostMessage: "Špatné heslo" });
      expect(attempts).toBe(1);
      expect(h.host.of("login-password").length).toBe(1);
    });
  }

  test("parallel uploads share one login", async () => {
    await using h = await harness();
    const all = await Promise.all(Array.from({ length: 5 }, (_, n) => h.upload(`f${n}`, 100, { more: false })));
    expect(all.map(({ error }) => error)).toEqual(Array(5).fill(null));
    expect(h.host.of("login-token").length).toBe(1);
  });

  test("stopping the upload that logs in does not stop the others", async () => {
    await using h = await harness();
    const held = gate();
    h.host.fault("login-token", { gate: held, gateAt: "end" });
    const stop = new AbortController();
    const first = h.upload("a", 10, { signal: stop.signal });
    const second = h.upload("b", 10);
    await held.reached;
    stop.abort();
    expect((await first).error).toMatchObject({ code: "cancelled" });
    held.open();
    expect((await second).error).toBeNull();
    expect((await second).attempts).toBe(1);
    expect(h.host.of("login-token").length).toBe(1);
  });

  test("70001 on many calls at once leads to one login, and each call is made once more", async () => {
    await using h = await harness();
    await h.upload("first", 10);
    h.host.fault("link", { delayMs: 40 }, 4);
    h.host.expireSessions();
    const all = await Promise.all(Array.from({ length: 4 }, (_, n) => h.upload(`f${n}`, 100, { more: false })));
    expect(all.map(({ error, attempts }) => [error, attempts])).toEqual(Array(4).fill([null, 1]));
    expect(h.host.of("login-token").length).toBe(2);
  });

  test("70001 again after the new login is host_auth", async () => {
    await using h = await harness();
    h.host.fault("link", refusal(401, 70_001, "Session expired"), 9);
    const { error, attempts } = await h.upload("a", 10);
    expect(error).toMatchObject({ code: "host_auth", hostMessage: "Session expired" });
    expect(attempts).toBe(1);
    expect(h.host.of("login-token").length).toBe(2);
    expect(h.host.of("link").length).toBe(2);
  });

  test("a session is given up when its interval ends, without waiting for 70001", async () => {
    let now = 0;
    await using h = await harness({ env: { now: () => now } });
    await h.upload("a", 10);
    now = 3_599_000;
    await h.upload("b", 10);
    expect(h.host.of("login-token").length).toBe(1);
    now = 3_601_000;
    await h.upload("c", 10);
    expect(h.host.of("login-token").length).toBe(2);
    expect(h.host.seen.filter((one) => one.status === 401)).toEqual([]);
  });

  test("check logs in and tells what the host says, and which key is used", async () => {
    await using h = await harness();
    expect(await h.session.check?.(new AbortController().signal)).toEqual({
      login: "me",
      freeBytes: null,
      details: { "api key": "the published test key", credit: "107374182400 (the host names no unit)" },
    });
  });

  test("check does without a credit that is no number", async () => {
    await using h = await harness();
    h.host.fault("me", { change: ({ user }) => ({ user: { ...user, credit: { amount: 1 } } }) });
    expect(await h.session.check?.(new AbortController().signal)).toMatchObject({
      details: { "api key": "the published test key" },
    });
  });

  test("an API key that no header can carry is a mistake in the configuration", async () => {
    await using h = await harness();
    const endpoint = { baseUrl: h.host.url, loopback: true };
    const open = () => openSession({ user: "me", token: "t", apiKey: "key\n" }, endpoint, h.env);
    expect(open).toThrow("cannot be sent");
  });
});

describe("an answer of the API", () => {
  test("429 with a short Retry-After waits that long, a longer one cools the account down", async () => {
    await using h = await harness();
    const slow = { status: 429, body: "", headers: { "Retry-After": "7" } };
    h.host.fault("link", slow);
    h.host.fault("link", { ...slow, status: 503, headers: { "Retry-After": "120" } });
    h.host.fault("link", { status: 503, body: "<html>" });
    const { failures, error } = await h.upload("a", 10, { pause: async () => {} });
    expect(error).toBeNull();
    expect(failures.map(({ code, retry }) => ({ code, retry }))).toEqual([
      { code: "rate_limited", retry: { afterMs: 7000 } },
      { code: "host_unavailable", retry: { coolDownMs: 120_000 } },
      { code: "host_unavailable", retry: {} },
    ]);
  });

  test("4xx is the host's refusal, in its words; quota only where it says so", async () => {
    await using h = await harness();
    h.host.fault("link", refusal(422, 1, "The file may not be uploaded"));
    expect((await h.upload("a", 10)).error).toMatchObject({
      code: "host_rejected",
      hostMessage: "The file may not be uploaded",
    });
    h.host.fault("link", refusal(403, 1, "Your quota is used up"));
    expect((await h.upload("a", 10)).error).toMatchObject({ code: "host_quota" });
  });

  test("a redirect is not followed: neither token leaves the origin", async () => {
    await using h = await harness();
    await using other = await harness();
    h.host.fault("link", { status: 307, headers: { Location: `${other.host.url}/v5/upload/link` }, body: "" }, 9);
    const { error } = await h.upload("a", 10, { retries: 0 });
    expect(error).toMatchObject({ code: "host_protocol" });
    expect(other.host.seen).toEqual([]);
  });

  test("no failure quotes a secret", async () => {
    await using h = await harness({
      host: { token: "canary-token" },
      secrets: { token: "canary-token", apiKey: "canary-key" },
    });
    h.host.state.apiKey = "canary-key";
    h.host.fault("upload", { status: 500, body: "<html>" }, 9);
    const { failures } = await h.upload("a", 10, { retries: 2 });
    const said = failures.map((error) => `${error.message} ${error.hint} ${error.hostMessage}`).join();
    for (const secret of ["canary", ...h.host.state.links.keys(), ...h.host.state.sessions.keys()]) {
      expect(said).not.toContain(secret);
    }
    expect(failures.length).toBe(3);
  });
});
