import { expect, test } from "bun:test";
import type { Account } from "../../../src/core/accounts/account.ts";
import { createSessions } from "../../../src/core/accounts/sessions.ts";
import { openStore } from "../../../src/store/open.ts";
import { fakeHost } from "../../support/fake-host.ts";

const TIMEOUTS = { idleTimeoutMs: 1, answerTimeoutMs: null };

function account(host: Account["host"], change: Partial<Account> & { readonly password?: string } = {}): Account {
  const { password = "p", ...rest } = change;
  return {
    ...{ name: "one", host, user: "me", key: "fake https://fake.example me" },
    endpoint: { baseUrl: "https://fake.example", loopback: false },
    credentials: async () => ({ user: "me", password }),
    ...rest,
  };
}

test("an account that is configured anew keeps its session until something about it changes", async () => {
  const fake = fakeHost();
  await using store = openStore({ directory: null, command: "hoist test" });
  const sessions = createSessions({ store, fetch, retryBaseMs: 1, log: () => {} }, TIMEOUTS);
  const first = account(fake.host);
  const session = await sessions(first);
  expect(await sessions(first)).toBe(session);
  expect(await sessions(account(fake.host))).toBe(session);
  expect(fake.opened()).toBe(1);
  for (const change of [
    { password: "another" },
    { endpoint: { baseUrl: "https://fake.example/base", loopback: false } },
    { name: "two" },
    { key: "fake https://fake.example you" },
  ]) {
    const before = fake.opened();
    const opened = await sessions(account(fake.host, change));
    expect(opened).not.toBe(session);
    expect(fake.opened()).toBe(before + 1);
    expect(await sessions(account(fake.host, change))).toBe(opened);
  }
});

test("a session that did not open is opened by the next account, too", async () => {
  const fake = fakeHost();
  fake.open = () => Promise.reject(new Error("no"));
  await using store = openStore({ directory: null, command: "hoist test" });
  const sessions = createSessions({ store, fetch, retryBaseMs: 1, log: () => {} }, TIMEOUTS);
  const first = account(fake.host);
  await expect(sessions(first)).rejects.toThrow();
  await expect(sessions(account(fake.host))).rejects.toThrow();
  fake.open = null;
  const session = await sessions(account(fake.host));
  expect(await sessions(first)).toBe(session);
  expect(fake.opened()).toBe(3);
});
