import { expect, test } from "bun:test";
import type { Account } from "../../../src/core/accounts/account.ts";
import {
  assertResumable,
  joinFolder,
  normalizeFolder,
  parseDestinations,
} from "../../../src/core/planning/destinations.ts";
import { type FakeHost, fakeHost } from "../../support/fake-host.ts";

function account(name: string, { host }: FakeHost, key = name): [string, Account] {
  const endpoint = { baseUrl: "https://fake.example", loopback: false };
  return [name, { name, host, user: name, endpoint, key, credentials: async () => ({ user: name }) }];
}

const deep = fakeHost("deep");
const flat = fakeHost("flat", { folders: false });
const ACCOUNTS = new Map([
  account("ulozto", deep),
  account("second", deep),
  account("alias", deep, "ulozto"),
  account("flat", flat),
]);

function parse(...values: string[]): readonly string[] {
  return parseDestinations(values, ACCOUNTS).map(({ account, folder }) => `${account.name}>${folder}`);
}

test("a folder may be left out, written in several ways, and hold commas and colons", () => {
  expect(parse("ulozto")).toEqual(["ulozto>/"]);
  expect(parse("ulozto:")).toEqual(["ulozto>/"]);
  expect(parse("ulozto:/")).toEqual(["ulozto>/"]);
  expect(parse("ulozto:a/b")).toEqual(["ulozto>/a/b"]);
  expect(parse("ulozto://a//b///")).toEqual(["ulozto>/a/b"]);
  expect(parse("ulozto:/a, b")).toEqual(["ulozto>/a, b"]);
  expect(parse("ulozto:/a:b")).toEqual(["ulozto>/a:b"]);
  expect(parse("flat")).toEqual(["flat>null"]);
  expect(parse("flat:")).toEqual(["flat>null"]);
});

test("a comma separates only before a known account that ends there", () => {
  expect(parse("ulozto:/a,second:/b")).toEqual(["ulozto>/a", "second>/b"]);
  expect(parse("ulozto:/a,second")).toEqual(["ulozto>/a", "second>/"]);
  expect(parse("ulozto,second,flat")).toEqual(["ulozto>/", "second>/", "flat>null"]);
  expect(parse("ulozto:/a,second,second:/b")).toEqual(["ulozto>/a", "second>/", "second>/b"]);
  expect(parse("ulozto:/a,second2")).toEqual(["ulozto>/a,second2"]);
  expect(parse("ulozto:/a,secondary:/b")).toEqual(["ulozto>/a,secondary:/b"]);
  expect(parse("ulozto:/a,unknown:/b")).toEqual(["ulozto>/a,unknown:/b"]);
  expect(parse("ulozto:/a, second:/b")).toEqual(["ulozto>/a, second:/b"]);
  expect(parse("ulozto:/a,b,second:/c,d")).toEqual(["ulozto>/a,b", "second>/c,d"]);
});

test("equal destinations count once, by account and folder, not by spelling", () => {
  expect(parse("ulozto:/a", "ulozto:a/", "ulozto://a")).toEqual(["ulozto>/a"]);
  expect(parse("ulozto:/a", "alias:/a", "ulozto:/b")).toEqual(["ulozto>/a", "ulozto>/b"]);
  // The same letters, composed and not.
  expect(parse("ulozto:/\u00e9", "ulozto:/e\u0301")).toEqual(["ulozto>/\u00e9"]);
});

test.each([
  ["nobody:/a", "no account"],
  ["", "no account"],
  [",ulozto", "no account"],
  ["ulozto:/a/../b", '".."'],
  ["ulozto:.", '"."'],
  ["ulozto:/a\nb", "line break"],
  [`ulozto:/${"x".repeat(256)}`, "longer than 255"],
  ["flat:/a", "has no folders"],
  ["flat:/", "has no folders"],
])("%j is a usage error", (value, words) => {
  expect(() => parse(value)).toThrow(words);
  expect(() => parse(value)).toThrow(expect.objectContaining({ code: "usage" }));
});

test("folders below a folder", () => {
  expect(joinFolder("/", [])).toBe("/");
  expect(joinFolder("/", ["a", "b"])).toBe("/a/b");
  expect(joinFolder("/x", ["e\u0301"])).toBe("/x/\u00e9");
  expect(normalizeFolder("")).toBe("/");
});

test("blocks may be asked for of hosts that take them only", () => {
  const all = parseDestinations(["ulozto", "flat"], ACCOUNTS);
  for (const asked of ["auto", "never"] as const) assertResumable(all, asked);
  expect(() => assertResumable(all, "always")).toThrow(/The deep host takes files in one piece only/);
  const blocks = new Map([account("blocks", fakeHost("blocks", { resumable: true }))]);
  assertResumable(parseDestinations(["blocks"], blocks), "always");
});

test("an account that is not known is asked about when one is near", () => {
  expect(() => parse("ulzoto:/a")).toThrow(
    expect.objectContaining({ code: "usage", hint: expect.stringMatching(/^did you mean ulozto\? known accounts: /) }),
  );
  expect(() => parse("nobody")).toThrow(expect.objectContaining({ hint: expect.stringMatching(/^known accounts: /) }));
});
