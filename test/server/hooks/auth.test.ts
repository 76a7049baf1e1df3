import { describe, expect, test } from "bun:test";
import { signsBody, verifyHook } from "../../../src/server/hooks/auth.ts";
import { signWebhook } from "../../../src/server/signatures.ts";
import { failure } from "../../config/fixture.ts";
import { get, hookOf, post } from "./fixture.ts";

const TOKEN = "0123456789abcdefghijklmn";

async function authOf(toml: string) {
  const { auth } = await hookOf(`[hooks.x]\npath = "$.path"\nto = ["flat"]\nauth = ${toml}`);
  if (auth === null) throw new Error("no auth");
  return auth;
}

const authorized = (value: string) => post("{}", "application/json", { Authorization: value });
const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

describe("proofs in the headers", () => {
  test("bearer", async () => {
    const auth = await authOf(`{ bearer = "${TOKEN}" }`);
    expect(signsBody(auth)).toBeFalse();
    expect(verifyHook(auth, authorized(`Bearer ${TOKEN}`))).toEqual({ ok: true, id: null });
    expect(verifyHook(auth, authorized(`bearer  ${TOKEN}`)).ok).toBeTrue();
    for (const value of ["", "Bearer", "Bearer ", `Bearer ${TOKEN}x`, TOKEN, `Basic ${TOKEN}`, `Bearer${TOKEN}`]) {
      expect(verifyHook(auth, authorized(value))).toEqual({ ok: false });
    }
    expect(verifyHook(auth, post("{}"))).toEqual({ ok: false });
    expect(verifyHook(auth, get(`token=${TOKEN}`))).toEqual({ ok: false });
  });

  test("basic, UTF-8 and colons in the password", async () => {
    const auth = await authOf(`{ basic = { user = "sonarr", password = "žluť:ou" } }`);
    expect(verifyHook(auth, authorized(basic("sonarr:žluť:ou"))).ok).toBeTrue();
    for (const text of ["sonarr:", "sonarr:žluť", ":žluť:ou", "", "sonarr"]) {
      expect(verifyHook(auth, authorized(basic(text)))).toEqual({ ok: false });
    }
    expect(verifyHook(auth, authorized("Basic %%%"))).toEqual({ ok: false });
  });

  test("a token in the query", async () => {
    const auth = await authOf(`{ query_token = "${TOKEN}" }`);
    expect(verifyHook(auth, get(`a=b&token=${TOKEN}`)).ok).toBeTrue();
    expect(verifyHook(auth, get(`token=${TOKEN.slice(1)}`))).toEqual({ ok: false });
    expect(verifyHook(auth, get("")).ok).toBeFalse();
    expect(verifyHook(auth, authorized(`Bearer ${TOKEN}`)).ok).toBeFalse();
  });
});

describe("proofs over the body", () => {
  test("Standard Webhooks gives the message's id", async () => {
    const key = Buffer.alloc(32, 7);
    const auth = await authOf(`{ standard = "whsec_${key.toString("base64")}" }`);
    expect(signsBody(auth)).toBeTrue();
    const timestamp = 1_700_000_000;
    const request = post('{"path":"/a"}', "application/json", {
      "webhook-id": "msg_1",
      "webhook-timestamp": String(timestamp),
      "webhook-signature": signWebhook(key, { id: "msg_1", timestamp, body: '{"path":"/a"}' }),
    });
    expect(verifyHook(auth, request, timestamp * 1000)).toEqual({ ok: true, id: "msg_1" });
    expect(verifyHook(auth, { ...request, body: Buffer.from('{"path":"/b"}') }, timestamp * 1000).ok).toBeFalse();
    expect(verifyHook(auth, request, (timestamp + 301) * 1000).ok).toBeFalse();
  });

  test("GitHub's gives the delivery's", async () => {
    const auth = await authOf(`{ github = "It's a Secret to Everybody" }`);
    const request = post("Hello, World!", "application/json", {
      "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
      "X-GitHub-Delivery": "d1",
    });
    expect(verifyHook(auth, request)).toEqual({ ok: true, id: "d1" });
    expect(verifyHook(auth, post("Hello"))).toEqual({ ok: false });
  });
});

describe("weak or wrong secrets are refused at start", () => {
  test.each([
    [`{ bearer = "canary-canary-canary-12" }`, "hooks.x.auth.bearer"],
    [`{ query_token = "canary" }`, "hooks.x.auth.query_token"],
    [`{ standard = "whsec_Y2FuYXJ5" }`, "hooks.x.auth.standard"],
    [`{ standard = "canary secret" }`, "hooks.x.auth.standard"],
    [`{ basic = { user = "canary:x", password = "p" } }`, "hooks.x.auth.basic.user"],
    [`{ bearer = { env = "CANARY" } }`, "hooks.x.auth.bearer"],
    [`{ bearer = { file = "/nowhere/canary" } }`, "hooks.x.auth.bearer"],
  ])("%s", async (toml, key) => {
    const error = await failure(authOf(toml));
    expect(error.code).toBe("config");
    expect(error.message).toContain(key);
    if (!toml.includes("file")) expect(error.message).not.toContain("canary");
  });
});
