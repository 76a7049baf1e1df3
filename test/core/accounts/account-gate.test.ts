import { describe, expect, test } from "bun:test";
import type { Account } from "../../../src/core/accounts/account.ts";
import { type AccountGate, createAccountGate } from "../../../src/core/accounts/account-gate.ts";
import type { EngineEvent } from "../../../src/core/events.ts";
import type { JobStore } from "../../../src/core/job-store.ts";
import { AppError } from "../../../src/errors.ts";
import { openStore } from "../../../src/store/open.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const fake = fakeHost();

function accountWith(password: string): Account {
  const endpoint = { baseUrl: "https://fake.example", loopback: false };
  const credentials = async () => ({ user: "me", password });
  return { name: "one", host: fake.host, user: "me", endpoint, key: "fake one me", credentials };
}

function gateOf(store: JobStore, { password = "secret", waitCoolDownMs = 60_000, retryBaseMs = 1 } = {}) {
  const events: EngineEvent[] = [];
  const listen = (event: EngineEvent) => void events.push(event);
  const gate = createAccountGate(accountWith(password), { store, retryBaseMs, waitCoolDownMs, listen });
  return { gate, events };
}

const refusal = new AppError("host_auth", "refused", { hostMessage: "wrong password" });
const opened = (directory: string | null = null) => openStore({ directory, command: "hoist test" });

async function msOf(gate: AccountGate): Promise<number> {
  const verdict = await gate.judge();
  return verdict.kind === "wait" ? verdict.ms : Number.NaN;
}

/** Waits count from a moment that has passed; a busy machine takes its time. */
function expectAbout(ms: number | null, asked: number): void {
  expect(ms).toBeLessThanOrEqual(asked);
  expect(ms).toBeGreaterThan(asked - 1000);
}

test("an account without a past may be tried", async () => {
  await using store = opened();
  expect(await gateOf(store).gate.judge()).toEqual({ kind: "go" });
});

describe("a refused login", () => {
  test("stops the account in every process, in the host's words, until its secret changes", async () => {
    using directory = temporaryDirectory();
    await using here = opened(directory.path);
    await using there = opened(directory.path);
    await gateOf(here).gate.refused(refusal);
    for (const store of [here, there]) {
      const verdict = await gateOf(store).gate.judge();
      expect(verdict).toMatchObject({ kind: "stop", keep: false, error: { code: "host_auth" } });
      expect(verdict).toMatchObject({ error: { hostMessage: "wrong password" } });
      expect(await gateOf(store, { password: "new" }).gate.judge()).toEqual({ kind: "go" });
    }
  });

  test("is forgotten with a later success, but not with one of an upload that was under way", async () => {
    await using store = opened();
    const { gate } = gateOf(store);
    await gate.refused(refusal);
    await gate.succeeded();
    expect(await gate.judge()).toMatchObject({ kind: "stop" });
    await gateOf(store).gate.succeeded();
    expect(await gateOf(store).gate.judge()).toEqual({ kind: "go" });
  });
});

describe("a cool-down", () => {
  test("holds for every process of the directory, for as long as the host asked", async () => {
    using directory = temporaryDirectory();
    await using here = opened(directory.path);
    await using there = opened(directory.path);
    expectAbout(await gateOf(here).gate.coolDown(30_000), 30_000);
    expectAbout(await msOf(gateOf(there).gate), 30_000);
    expect(await gateOf(there, { waitCoolDownMs: 1000 }).gate.judge()).toMatchObject({
      kind: "stop",
      keep: true,
      error: { code: "rate_limited", retryable: true },
    });
  });

  test("is over when its time is, and doubles when the next one follows", async () => {
    let now = 1_000_000;
    await using store = openStore({ directory: null, command: "hoist test", now: () => now });
    const gate = () => gateOf(store, { retryBaseMs: 10 }).gate;
    now = Date.now();
    expectAbout(await gate().coolDown(null), 3000);
    now = Date.now() + 3001;
    expect(await gate().judge()).toEqual({ kind: "go" });
    expectAbout(await gate().coolDown(null), 6000);
  });

  test("that several uploads run into at once is one", async () => {
    await using store = opened();
    const { gate, events } = gateOf(store, { retryBaseMs: 10 });
    await gate.coolDown(null);
    expectAbout(await gate.coolDown(null), 3000);
    expect((await store.account("fake one me")).coolDowns).toBe(1);
    expectAbout(await gate.coolDown(5000), 5000);
    expect(events.filter(({ type }) => type === "cool_down")).toHaveLength(2);
  });

  test("spends the patience once, however many wait for it, and no more than there is", async () => {
    await using store = opened();
    const { gate, events } = gateOf(store, { waitCoolDownMs: 45_000 });
    expectAbout(await gate.coolDown(30_000), 30_000);
    for (let round = 0; round < 5; round += 1) expectAbout(await msOf(gate), 30_000);
    expect(events).toHaveLength(1);
    expectAbout(await gate.coolDown(40_000), 40_000);
    expect(await gate.coolDown(50_000)).toBeNull();
    expect(await gate.judge()).toMatchObject({ kind: "stop", keep: true });
  });

  test("of no time at all still keeps a host from being hammered", async () => {
    await using store = opened();
    const { gate } = gateOf(store, { retryBaseMs: 500 });
    expect(await gate.coolDown(0)).toBeGreaterThan(400);
  });

  test("is not ended by an upload that was under way, and forgotten by one after it", async () => {
    await using store = opened();
    const { gate } = gateOf(store);
    await gate.coolDown(30_000);
    await gate.succeeded();
    expectAbout(await msOf(gate), 30_000);
    await store.saveAccount("fake one me", { coolDownUntil: Date.now() - 1 });
    await gate.succeeded();
    expect((await store.account("fake one me")).coolDowns).toBe(0);
  });
});
