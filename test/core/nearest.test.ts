import { expect, test } from "bun:test";
import { didYouMean, nearest } from "../../src/core/nearest.ts";

test("the nearest candidate is found whatever the distance", () => {
  expect(nearest("pasword", ["user", "password", "token"])).toBe("password");
  expect(nearest("tokne", ["user", "password", "token"])).toBe("token");
  expect(nearest("TOKEN", ["taken", "token"])).toBe("token");
  expect(nearest("zzzzzzzz", ["user"])).toBe("user");
  expect(nearest("x", [])).toBeUndefined();
});

test("a suggestion is made only for what a slip explains", () => {
  expect(didYouMean("hots", ["host", "user"])).toBe("host");
  expect(didYouMean("up", ["ls", "up"])).toBe("up");
  expect(didYouMean("serv", ["serve"])).toBe("serve");
  expect(didYouMean("frobnicate", ["resume", "history"])).toBeUndefined();
  expect(didYouMean("", ["serve"])).toBeUndefined();
});
