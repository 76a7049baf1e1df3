import { expect } from "bun:test";
import type { World } from "./world.ts";

export interface Kills {
  /** Of the file, in bytes. */
  readonly size: number;
  readonly kills: number;
  /** `--limit-rate`, so that the kills find something to break. */
  readonly rate: string;
}

/**
 * Uploads in blocks with a kill -9 at random again and again, then to the end; exactly one file is up. Gives the bytes
 * of blocks that the host had whole and got once more.
 */
export async function survivesKills(w: World, { size, kills, rate }: Kills) {
  const path = w.file("a.bin", size);
  const args = ["up", path, "--to", "ulozto:/F", "--json", "--resumable", "always", "--limit-rate", rate];
  const perRun = 1000 * (size / (1024 ** 2 * Number.parseInt(rate, 10)) / kills);
  let killed = 0;
  for (let turn = 0; turn < kills; turn += 1) {
    const live = w.start(turn % 2 === 0 ? args : ["resume", "--json"]);
    const before = w.ulozto.of("block").length;
    await live.until(() => w.ulozto.of("block").length > before).catch(() => undefined);
    await Bun.sleep(Math.random() * 2 * perRun);
    live.kill("SIGKILL");
    if ((await live.ended).code === 137) killed += 1;
    if (w.ulozto.files.length > 0) break;
  }
  expect(killed).toBeGreaterThan(0);
  const open = w.ulozto.files.length === 0;
  if (open) expect((await w.run(["resume", "--json"])).code).toBe(0);
  expect(w.ulozto.files).toMatchObject([{ name: "a.bin", size }]);
  expect(w.ulozto.of("register").length).toBe(1);
  const whole = w.ulozto.of("block").filter((one) => one.complete);
  const sent = whole.reduce((sum, one) => sum + one.received, 0);
  return { path, killed, again: sent - size, inAll: w.ulozto.of("block").reduce((sum, one) => sum + one.received, 0) };
}
