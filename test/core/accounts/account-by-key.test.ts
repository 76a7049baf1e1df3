import { expect, test } from "bun:test";
import type { Account } from "../../../src/core/accounts/account.ts";
import { accountByKey } from "../../../src/core/accounts/account-by-key.ts";
import { AppError } from "../../../src/errors.ts";
import { createEngine } from "../../support/engine.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const locked = (name: string) => async () => {
  throw new AppError("config", `the account ${name} has no login`);
};

/** `one`, and two more of its login: `shut` without a secret, `other` with another one. */
function sameLogin(one: Account): ReadonlyMap<string, Account> {
  const shut = { ...one, name: "shut", credentials: locked("shut") };
  const other = { ...one, name: "other", credentials: async () => ({ user: one.user, password: "other" }) };
  return new Map([shut, one, other].map((account) => [account.name, account]));
}

function engineOfOne() {
  const engine = createEngine({ accounts: { one: fakeHost() } });
  return { engine, one: engine.world.accounts.get("one") as Account };
}

test("the account that is named comes first, and a secret that can be read before one that cannot", async () => {
  const { engine, one } = engineOfOne();
  await using _ = engine;
  const accounts = sameLogin(one);
  const of = (...named: string[]) => accountByKey(accounts, new Set(named))(one.key);
  expect(of("other")?.name).toBe("other");
  expect(await of("other")?.credentials()).toMatchObject({ password: "other" });
  expect(await of("one")?.credentials()).toMatchObject({ password: "secret" });
  expect(await of()?.credentials()).toMatchObject({ password: "secret" });
  // A session belongs to it: another one would log in again.
  expect(accountByKey(accounts)(one.key)).toBe(of() as Account);
  expect(of("other")).toBe(of("other") as Account);
  expect(of("other")).not.toBe(of() as Account);
  expect(accountByKey(accounts)("elsewhere")).toBeNull();
  const shut = accounts.get("shut") as Account;
  const two = new Map([shut, { ...shut, name: "shut-too", credentials: locked("shut-too") }].map((a) => [a.name, a]));
  await expect(accountByKey(two)(one.key)?.credentials()).rejects.toThrow("the account shut has no login");
});

test("an upload and its resumption use the account that was named, whatever else has its login", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost();
  await using engine = createEngine({ accounts: { one: fake } });
  const one = engine.world.accounts.get("one") as Account;
  for (const order of [
    ["one", "shut"],
    ["shut", "one"],
  ]) {
    const accounts = sameLogin(one);
    Object.assign(engine.world, { accounts: new Map(order.map((name) => [name, accounts.get(name) as Account])) });
    fake.behave = () => Promise.reject(new AppError("network", "down"));
    expect(await engine.up([directory.file("a", "a")], ["one"], { run: { retries: 0 } })).toMatchObject({ exit: 5 });
    expect(await engine.resume()).toMatchObject({ failed: 1, exit: 5 });
  }
});
