import { describe, expect, test } from "bun:test";
import { A, B, DAY_MS, NOBODY, type ServeScene } from "./scene.ts";

/** Those outside: senders, readers of callbacks, hosts. */
export function describeOutside(scene: ServeScene): void {
  test("a message is remembered for 30 days, by its sender", async () => {
    expect(await scene.store.rememberMessage("hook", "1")).toBe(true);
    expect(await scene.store.rememberMessage("hook", "1")).toBe(false);
    expect(await scene.store.rememberMessage("other", "1")).toBe(true);
    expect(await Promise.all([1, 2, 3].map(() => scene.store.rememberMessage("hook", "2")))).toEqual([
      true,
      false,
      false,
    ]);
    scene.clock += 30 * DAY_MS - 1;
    await scene.store.forget(0);
    expect(await scene.store.rememberMessage("hook", "1")).toBe(false);
    scene.clock += 1;
    expect(await scene.store.rememberMessage("hook", "1")).toBe(true);
    expect(await scene.store.rememberMessage("hook", "1")).toBe(false);
    scene.clock += 30 * DAY_MS;
    await scene.store.forget(0);
    expect(await scene.store.rememberMessage("hook", "2")).toBe(true);
  });

  describe("a delivery", () => {
    const delivery = (body: string) => ({ channel: "callback", url: "https://ci.example/done", body });
    const due = async (limit = 10) => (await scene.store.dueDeliveries(limit)).map(({ body }) => body).join("");

    test("is due at once, oldest first, until it is settled", async () => {
      expect(await scene.store.nextDelivery()).toBeNull();
      const at = scene.clock;
      await scene.store.enqueueDelivery(delivery("1"));
      await scene.store.enqueueDelivery({ channel: "ntfy", url: "", body: "2" });
      scene.clock += 1;
      await scene.store.enqueueDelivery(delivery("3"));
      expect(await due()).toBe("123");
      expect(await due(2)).toBe("12");
      const [one, two, three] = await scene.store.dueDeliveries(10);
      expect(one).toEqual({ ...delivery("1"), id: expect.any(String), createdAt: at, tries: 0 });
      expect(two).toMatchObject({ channel: "ntfy", url: "" });
      expect(await scene.store.nextDelivery()).toBe(at);

      await scene.store.settleDelivery(one?.id ?? "", scene.clock + 5_000.5);
      await scene.store.settleDelivery(two?.id ?? "", null);
      expect(await due()).toBe("3");
      await scene.store.settleDelivery(three?.id ?? "", null);
      expect(await due()).toBe("");
      expect(await scene.store.nextDelivery()).toBe(scene.clock + 5_001);
      scene.clock += 5_001;
      expect(await scene.store.dueDeliveries(10)).toEqual([
        { ...delivery("1"), id: one?.id ?? "", createdAt: at, tries: 1 },
      ]);
      await scene.store.settleDelivery(one?.id ?? "", null);
      expect(await scene.store.nextDelivery()).toBeNull();
    });

    test("that is gone is settled already", async () => {
      await scene.store.settleDelivery(NOBODY, null);
      await scene.store.settleDelivery(NOBODY, scene.clock);
      expect(await scene.store.nextDelivery()).toBeNull();
    });
  });

  test("the states of all accounts are told by key", async () => {
    expect(await scene.store.accountStates()).toEqual(new Map());
    await scene.store.saveAccount(A, { paused: true });
    await scene.store.saveAccount(B, { coolDownUntil: scene.clock + 5 });
    const states = new Map([
      [A, await scene.store.account(A)],
      [B, await scene.store.account(B)],
    ]);
    expect(await scene.store.accountStates()).toEqual(states);
    scene.clock += 5;
    expect((await scene.store.accountStates()).get(B)?.coolDownUntil).toBeNull();
  });
}
