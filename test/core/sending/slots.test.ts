import { expect, test } from "bun:test";
import { createSlots } from "../../../src/core/sending/slots.ts";
import { countingSignal } from "../../support/counting-signal.ts";

const never = () => new AbortController().signal;

test("slots are free until they are all taken", () => {
  const slots = createSlots(2);
  slots.take();
  expect(slots.free).toBe(true);
  slots.take();
  expect(slots.free).toBe(false);
  slots.give();
  expect(slots.free).toBe(true);
});

test("a change between looking and waiting is not missed", async () => {
  const slots = createSlots(1);
  slots.take();
  const seen = slots.version;
  slots.give();
  await slots.changed(seen, 60_000, never());
});

test("everybody who waits hears of a change", async () => {
  const slots = createSlots(1);
  const waits = [1, 2, 3].map(() => slots.changed(slots.version, 60_000, never()));
  slots.wake();
  await Promise.all(waits);
});

test("a wait ends with its time, with the signal, and leaves nothing behind", async () => {
  const slots = createSlots(1);
  await slots.changed(slots.version, 1, never());
  const stop = new AbortController();
  const wait = slots.changed(slots.version, 60_000, stop.signal);
  stop.abort();
  await wait;
  await slots.changed(slots.version, 60_000, stop.signal);
  const { signal, listeners } = countingSignal();
  await slots.changed(slots.version, 1, signal);
  expect(listeners()).toBe(0);
});

test("who looks for a slot looks alone", async () => {
  const slots = createSlots(3);
  let looking = 0;
  const look = async () => {
    looking += 1;
    expect(looking).toBe(1);
    const free = slots.free;
    await Bun.sleep(1);
    if (free) slots.take();
    looking -= 1;
    return free;
  };
  const got = await Promise.all(Array.from({ length: 6 }, () => slots.alone(look)));
  expect(got).toEqual([true, true, true, false, false, false]);
  await expect(slots.alone(() => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  expect(await slots.alone(async () => "next")).toBe("next");
});
