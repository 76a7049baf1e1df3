import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import {
  parseWebhookSecret,
  sameSecret,
  signWebhook,
  TOLERANCE_SECONDS,
  verifyHubSignature,
  verifyWebhook,
} from "../../src/server/signatures.ts";

// Published with the specification's own libraries.
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIMESTAMP = 1614265330;
const BODY = '{"test": 2432232314}';
const SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

const key = parseWebhookSecret(SECRET) ?? new Uint8Array();
const bytes = (text: string) => new TextEncoder().encode(text);

function signed(changes: Record<string, string | null> = {}): Headers {
  const headers = new Headers({
    "webhook-id": ID,
    "webhook-timestamp": String(TIMESTAMP),
    "webhook-signature": SIGNATURE,
  });
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) headers.delete(name);
    else headers.set(name, value);
  }
  return headers;
}

const verify = (headers: Headers, body = bytes(BODY), now = TIMESTAMP * 1000) => verifyWebhook(key, headers, body, now);

describe("Standard Webhooks", () => {
  test("the published vector", () => {
    expect(signWebhook(key, { id: ID, timestamp: TIMESTAMP, body: BODY })).toBe(SIGNATURE);
    expect(signWebhook(key, { id: ID, timestamp: TIMESTAMP, body: bytes(BODY) })).toBe(SIGNATURE);
    expect(verify(signed())).toEqual({ ok: true, id: ID });
  });

  test("what the peer signs is accepted and what we sign the peer accepts", () => {
    const peer = new Webhook(SECRET);
    fc.assert(
      fc.property(fc.json(), fc.stringMatching(/^[\x21-\x7e]{1,64}$/), (body, id) => {
        const timestamp = Math.floor(Date.now() / 1000);
        const headers = {
          "webhook-id": id,
          "webhook-timestamp": String(timestamp),
          "webhook-signature": peer.sign(id, new Date(timestamp * 1000), body),
        };
        expect(verifyWebhook(key, new Headers(headers), bytes(body))).toEqual({ ok: true, id });
        peer.verify(body, { ...headers, "webhook-signature": signWebhook(key, { id, timestamp, body }) });
      }),
      { seed: 7, numRuns: 100 },
    );
  });

  test("any of several signatures, of version 1 only", () => {
    const wrong = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    const other = SIGNATURE.replace("v1", "v2");
    expect(verify(signed({ "webhook-signature": `${wrong} ${other} ${SIGNATURE} ${wrong}` })).ok).toBeTrue();
    expect(verify(signed({ "webhook-signature": `${wrong} ${other}` })).ok).toBeFalse();
    expect(verify(signed({ "webhook-signature": `${`${wrong} `.repeat(5000)}${SIGNATURE}` })).ok).toBeFalse();
  });

  test.each([
    [-TOLERANCE_SECONDS - 1, false],
    [-TOLERANCE_SECONDS, true],
    [TOLERANCE_SECONDS, true],
    [TOLERANCE_SECONDS + 1, false],
  ])("a clock %d s from ours: %p", (offset, ok) => {
    expect(verify(signed(), bytes(BODY), (TIMESTAMP + offset) * 1000).ok).toBe(ok);
    expect(verify(signed(), bytes(BODY), (TIMESTAMP + offset) * 1000 + 999).ok).toBe(ok);
  });

  test("every byte of id, time and body counts", () => {
    for (let at = 0; at < BODY.length; at++) {
      const tampered = bytes(BODY);
      tampered[at] = (tampered[at] ?? 0) ^ 1;
      expect(verify(signed(), tampered).ok).toBeFalse();
    }
    expect(verify(signed({ "webhook-id": `${ID}x` })).ok).toBeFalse();
    expect(verify(signed({ "webhook-timestamp": String(TIMESTAMP + 1) })).ok).toBeFalse();
    expect(verify(signed(), bytes(`${BODY} `)).ok).toBeFalse();
  });

  test("one answer for whatever is wrong", () => {
    const headers = [
      signed({ "webhook-id": null }),
      signed({ "webhook-id": "" }),
      signed({ "webhook-id": "x".repeat(257) }),
      signed({ "webhook-timestamp": null }),
      signed({ "webhook-timestamp": "soon" }),
      signed({ "webhook-timestamp": `${TIMESTAMP}.0` }),
      signed({ "webhook-timestamp": "9".repeat(400) }),
      signed({ "webhook-signature": null }),
      signed({ "webhook-signature": "" }),
      signed({ "webhook-signature": "v1," }),
      signed({ "webhook-signature": SIGNATURE.slice(0, -1) }),
      signed({ "webhook-signature": SIGNATURE.slice(3) }),
    ];
    for (const each of headers) expect(verify(each)).toEqual({ ok: false });
    expect(verifyWebhook(Buffer.alloc(24), signed(), bytes(BODY), TIMESTAMP * 1000)).toEqual({ ok: false });
  });

  test("secrets with and without prefix, and what is none", () => {
    expect(parseWebhookSecret(SECRET.slice("whsec_".length))).toEqual(Buffer.from(key));
    for (const text of ["", "whsec_", "whsec_not base64", "whsec_žluť"]) expect(parseWebhookSecret(text)).toBeNull();
  });
});

describe("GitHub's scheme", () => {
  // From GitHub's documentation of validating webhook deliveries.
  const secret = "It's a Secret to Everybody";
  const body = bytes("Hello, World!");
  const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  const headers = (name: string) => new Headers({ "X-Hub-Signature-256": signature, [name]: "72d3162e-cc78-11e3" });

  test.each(["X-GitHub-Delivery", "X-Gitea-Delivery", "X-Forgejo-Delivery"])("the published vector with %s", (name) => {
    expect(verifyHubSignature(secret, headers(name), body)).toEqual({ ok: true, id: "72d3162e-cc78-11e3" });
  });

  test("a delivery without an id is nameless", () => {
    expect(verifyHubSignature(secret, headers("x-other"), body)).toEqual({ ok: true, id: null });
  });

  test("anything else is refused", () => {
    expect(verifyHubSignature(secret, headers("x-other"), bytes("Hello, World?")).ok).toBeFalse();
    expect(verifyHubSignature(`${secret} `, headers("x-other"), body).ok).toBeFalse();
    expect(verifyHubSignature(secret, new Headers(), body).ok).toBeFalse();
    for (const given of [signature.slice(7), signature.slice(0, -2), signature.replace("sha256", "sha1"), "sha256="]) {
      expect(verifyHubSignature(secret, new Headers({ "X-Hub-Signature-256": given }), body).ok).toBeFalse();
    }
  });
});

test("secrets of any length are compared without complaint", () => {
  expect(sameSecret("", "")).toBeTrue();
  expect(sameSecret("a", "b".repeat(10_000))).toBeFalse();
  expect(sameSecret(bytes("žluť"), "žluť")).toBeTrue();
});
