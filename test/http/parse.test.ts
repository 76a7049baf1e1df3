import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { jsonOf, parseAnswer, retryAfterMs } from "../../src/http/parse.ts";

const answer = (text: string, headers: Record<string, string> = {}) => ({
  status: 200,
  headers: new Headers(headers),
  text,
});

test("an answer that is not what was wanted is named by path, never by value", () => {
  const schema = v.object({ result: v.object({ count: v.number() }) });
  expect(parseAnswer("the call", schema, answer('{"result":{"count":1,"more":2}}'))).toEqual({ result: { count: 1 } });
  expect(() => parseAnswer("the call", schema, answer('{"result":{"count":"s3cret"}}'))).toThrow(
    expect.objectContaining({
      code: "host_protocol",
      message: "the answer to the call is not understood: result.count",
    }),
  );
  expect(() => parseAnswer("the call", schema, answer("<html>s3cret"))).toThrow(
    expect.objectContaining({ code: "host_protocol", message: "the answer to the call is no JSON (HTTP 200)" }),
  );
});

test("JSON is told from no JSON", () => {
  expect(jsonOf(answer("null"))).toBeNull();
  expect(jsonOf(answer('{"a":'))).toBeUndefined();
});

describe("Retry-After", () => {
  const now = Date.parse("2026-01-02T03:04:05Z");
  test.each([
    ["0", 0],
    ["120", 120_000],
    [" 7 ", 7_000],
    ["Fri, 02 Jan 2026 03:05:05 GMT", 60_000],
    ["Fri, 02 Jan 2026 03:00:00 GMT", 0],
    ["soon", null],
    ["", null],
  ])("%p is %p ms", (value, ms) => expect(retryAfterMs(new Headers({ "Retry-After": value }), now)).toBe(ms));
  test("none is null", () => expect(retryAfterMs(new Headers(), now)).toBeNull());
});
