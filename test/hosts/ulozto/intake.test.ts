import { describe, expect, test } from "bun:test";
import { createIntake } from "../../../src/hosts/ulozto/intake.ts";

const MIB = 1024 * 1024;

/** An intake whose waiting for the next file ends when the test says so. */
function intake(shared = true) {
  const waits: (() => void)[] = [];
  const sleep = () => new Promise<void>((resolve) => waits.push(resolve));
  const made = createIntake(shared, { sleep }, new AbortController().signal);
  let sealed = false;
  void made.sealed.then(() => {
    sealed = true;
  });
  const settle = async () => {
    for (let n = 0; n < 5; n += 1) await Promise.resolve();
  };
  return {
    ...made,
    ended: (more: boolean) => made.ended({ more: () => more }),
    /** Nobody came for as long as it waits. */
    async nobodyComes() {
      for (const end of waits.splice(0)) end();
      await settle();
    },
    async isSealed() {
      await settle();
      return sealed;
    },
  };
}

describe("the intake of a batch", () => {
  test("takes one file where it is not shared", () => {
    const own = intake(false);
    expect(own.admits(10 ** 12)).toBe(true);
    own.enter(10 ** 12);
    expect(own.admits(0)).toBe(false);
  });

  test("takes at most 100 files", () => {
    const shared = intake();
    for (let n = 0; n < 100; n += 1) {
      expect(shared.admits(1)).toBe(true);
      shared.enter(1);
    }
    expect(shared.admits(0)).toBe(false);
  });

  test("takes at most 256 MiB", () => {
    const shared = intake();
    for (let n = 0; n < 16; n += 1) {
      expect(shared.admits(16 * MIB)).toBe(true);
      shared.enter(16 * MIB);
    }
    expect(shared.admits(1)).toBe(false);
    expect(shared.admits(0)).toBe(true);
  });

  test("is sealed at once when the last body ends and no more uploads are about", async () => {
    const shared = intake();
    shared.enter(1);
    shared.enter(1);
    shared.ended(false);
    expect(await shared.isSealed()).toBe(false);
    shared.ended(false);
    expect(await shared.isSealed()).toBe(true);
    expect(shared.admits(1)).toBe(false);
  });

  test("waits a moment when there are, and anew for each that came", async () => {
    const shared = intake();
    shared.enter(1);
    shared.ended(true);
    shared.enter(1);
    await shared.nobodyComes();
    expect(await shared.isSealed()).toBe(false);
    shared.ended(true);
    expect(await shared.isSealed()).toBe(false);
    await shared.nobodyComes();
    expect(await shared.isSealed()).toBe(true);
  });

  test("is sealed at once when it is full or closed", async () => {
    const full = intake();
    for (let n = 0; n < 100; n += 1) full.enter(1);
    for (let n = 0; n < 100; n += 1) full.ended(true);
    expect(await full.isSealed()).toBe(true);
    const closed = intake();
    closed.enter(1);
    closed.close();
    expect(await closed.isSealed()).toBe(false);
    closed.ended(true);
    expect(await closed.isSealed()).toBe(true);
  });
});
