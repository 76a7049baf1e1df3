/**
 * One file to Ulož.to in one piece and in blocks, straight and over a line that carries little per connection:
 * `bun run bench:lines`. Prints a table; nothing is judged.
 */
import { world } from "../e2e/kit/world.ts";
import { delayedLine } from "./delayed-line.ts";

const MIB = 1024 ** 2;
const SIZE = 96 * MIB;
const ROUNDS = 3;

const lines = [
  { name: "loopback", delayMs: 0, window: Number.POSITIVE_INFINITY },
  { name: "50 ms, 512 KiB per connection", delayMs: 50, window: 512 * 1024 },
  { name: "150 ms, 1 MiB per connection", delayMs: 150, window: MIB },
];

const rows: Record<string, string | number>[] = [];
for (const { name, delayMs, window } of lines) {
  for (const resumable of ["never", "always"] as const) {
    const seconds: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await using w = await world();
      await using line = await delayedLine({ target: w.ulozto.uploadOrigin, delayMs, window });
      if (delayMs > 0) {
        const via = (url: string) => url.replace(w.ulozto.uploadOrigin, line.origin);
        w.ulozto.fault("link", { change: (answer) => ({ ...answer, upload_url: via(answer.upload_url) }) }, 99);
        const base = "upload_resumable_base_url";
        w.ulozto.fault("resumable-link", { change: (answer) => ({ ...answer, [base]: via(answer[base]) }) }, 99);
      }
      const ran = await w.run(["up", w.file("a.bin", SIZE), "--to", "ulozto", "--json", "--resumable", resumable]);
      if (ran.code !== 0) throw new Error(ran.err);
      seconds.push(ran.result.seconds);
    }
    const median = seconds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
    rows.push({ line: name, resumable, seconds: median, "MiB/s": Math.round(SIZE / MIB / median) });
  }
}
console.table(rows);
