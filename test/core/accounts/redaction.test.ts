import { expect, test } from "bun:test";
import fc from "fast-check";
import { createRedactor, redactError, redactSession } from "../../../src/core/accounts/redaction.ts";
import { AppError } from "../../../src/errors.ts";

const SECRET = 'c4n4ry "&% žluť';

test.each([
  ["as it is", SECRET],
  ["in a URL", encodeURIComponent(SECRET)],
  ["in a form", new URLSearchParams({ p: SECRET }).toString()],
  ["in JSON", JSON.stringify({ p: SECRET })],
  ["in base64", Buffer.from(SECRET).toString("base64")],
])("a secret %s is redacted", (_, text) => {
  const redacted = createRedactor([SECRET])(`before ${text} after`);
  expect(redacted).toContain("[redacted]");
  expect(redacted).not.toContain("c4n4ry");
  expect(redacted).not.toContain(Buffer.from(SECRET).toString("base64").slice(0, 12));
});

test("no error keeps a secret that a host throws back", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 6, maxLength: 40 }), fc.string(), (secret, around) => {
      const text = `${around}${secret}${around}`;
      const error = redactError(
        new AppError("host_auth", text, { hostMessage: text, hint: text, url: text, cause: new Error(text) }),
        createRedactor([secret]),
      );
      const shown = [error.message, error.hint, error.hostMessage, error.url, String(error.cause ?? "")];
      return shown.every((each) => !(each ?? "").replaceAll("[redacted]", "\0").includes(secret));
    }),
    { numRuns: 300, seed: 7 },
  );
});

test("an error without secrets stays the same one, and short words are left alone", () => {
  const error = new AppError("host_rejected", "wrong file type", { hostMessage: "pass on" });
  expect(redactError(error, createRedactor(["pass", "long enough"]))).toBe(error);
});

test("no call of a session keeps a secret that a host throws back", async () => {
  const fail = async () => {
    throw new AppError("host_rejected", "refused", { hostMessage: `not with ${SECRET}` });
  };
  const calls = { root: fail, byId: fail, list: fail, create: fail, change: fail, remove: fail, usage: fail };
  const session = { upload: fail, existing: fail, meetCaptcha: fail, check: fail, folders: calls };
  const { folders, ...rest } = redactSession(session, createRedactor([SECRET]));
  const all = Object.values({ ...rest, ...folders }) as (() => Promise<unknown>)[];
  expect(all.length).toBe(11);
  for (const call of all) await expect(call()).rejects.toMatchObject({ hostMessage: "not with [redacted]" });
});
