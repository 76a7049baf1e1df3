import { describe, expect, test } from "bun:test";
import { createFlight, unlessAborted } from "../../../src/hosts/ulozto/flight.ts";

const never = () => new AbortController().signal;

describe("a flight", () => {
  test("is made once for all who ask meanwhile, and anew afterwards", async () => {
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    const flight = createFlight(async () => {
      runs += 1;
      await gate.promise;
      return runs;
    });
    const both = Promise.all([flight.join(never()), flight.join(never())]);
    gate.resolve();
    expect(await both).toEqual([1, 1]);
    expect(await flight.join(never())).toBe(2);
  });

  test("goes on for the others when one leaves, and ends with the last", async () => {
    let stopped = false;
    const flight = createFlight(
      (signal) =>
        new Promise<string>((_, reject) => {
          signal.addEventListener("abort", () => {
            stopped = true;
            reject(signal.reason);
          });
        }),
    );
    const first = new AbortController();
    const second = new AbortController();
    const waits = [flight.join(first.signal), flight.join(second.signal)];
    first.abort();
    expect(waits[0]).rejects.toMatchObject({ code: "cancelled" });
    await waits[0]?.catch(() => {});
    expect(stopped).toBe(false);
    second.abort();
    expect(waits[1]).rejects.toMatchObject({ code: "cancelled" });
    await waits[1]?.catch(() => {});
    expect(stopped).toBe(true);
  });

  test("a run that everybody left is not joined by the next", async () => {
    let runs = 0;
    const flight = createFlight(async (signal) => {
      runs += 1;
      if (runs === 1) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      return runs;
    });
    const first = new AbortController();
    const left = flight.join(first.signal);
    first.abort();
    const next = flight.join(never());
    await expect(left).rejects.toMatchObject({ code: "cancelled" });
    expect(await next).toBe(2);
  });

  test("a failure reaches everyone, and an aborted signal starts nothing", async () => {
    let runs = 0;
    const flight = createFlight(async () => {
      runs += 1;
      throw new Error("no");
    });
    const waits = await Promise.allSettled([flight.join(never()), flight.join(never())]);
    expect(waits.map((wait) => wait.status)).toEqual(["rejected", "rejected"]);
    await expect(flight.join(AbortSignal.abort())).rejects.toMatchObject({ code: "cancelled" });
    expect(runs).toBe(1);
  });
});

test("unlessAborted leaves a promise behind when the signal fires", async () => {
  const controller = new AbortController();
  const waiting = unlessAborted(new Promise(() => {}), controller.signal);
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
  expect(await unlessAborted(Promise.resolve(7), never())).toBe(7);
});
