import { afterAll, beforeAll, expect, test } from "bun:test";
import * as v from "valibot";
import { accountsView, accountViewSchema } from "../../../src/server/schemas.ts";
import { type Stage, stage } from "../fixture.ts";

let at: Stage;
beforeAll(async () => {
  at = await stage();
});
afterAll(() => at[Symbol.asyncDispose]());

const post = (path: string) => at.fetch(`/v1/accounts/${path}`, { method: "POST" });

test("lists, pauses and resumes accounts", async () => {
  const { accounts } = v.parse(accountsView, await (await at.fetch("/v1/accounts")).json());
  expect(accounts.map(({ name, state }) => [name, state])).toEqual([["ulozto", "idle"]]);
  expect(v.parse(accountViewSchema, await (await post("ulozto/pause")).json()).state).toBe("paused");
  expect(v.parse(accountViewSchema, await (await post("ulozto/resume")).json()).state).toBe("idle");
});

test.each(["nobody", "%2e", "ULOZTO", "a%2fb", "x".repeat(300)])("%s is no account", async (name) => {
  for (const action of ["pause", "resume"]) {
    const response = await post(`${name}/${action}`);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain(name);
  }
});

test("the page has nothing from elsewhere, is framed by nobody and holds no data", async () => {
  const response = await at.fetch("/", { token: null });
  const policy = response.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
});
