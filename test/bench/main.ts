/**
 * `bun run bench`: ours and others side by side, one table, and the same as bench.json. Nothing is judged here; the
 * goals stand in docs/performance.md. `bun run bench ROW…` measures only rows whose name holds one of the words.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startHosts } from "./hosts.ts";
import { buildPeers } from "./peers.ts";
import { race } from "./race.ts";
import { rowsOf } from "./rows.ts";
import { type Line, linesOf, printTable } from "./table.ts";

const GIB = 1024 ** 3;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const LARGE_GIB = Number(process.env.BENCH_GIB ?? 4);
const SMALL_FILES = 2000;

const words = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), "hoist-bench-"));
try {
  const lines = await bench();
  printTable(lines);
  writeFileSync("bench.json", `${JSON.stringify({ at: new Date().toISOString(), rounds: ROUNDS, lines }, null, 2)}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function bench(): Promise<readonly Line[]> {
  const peers = buildPeers(directory);
  const large = join(directory, "large.bin");
  const quarter = join(directory, "quarter.bin");
  await makeFile(large, LARGE_GIB * GIB);
  await makeFile(quarter, (LARGE_GIB * GIB) / 4);
  // Four names of one content: each is read, hashed and sent for itself, and the sink knows their MD5.
  const copies = ["1", "2", "3", "4"].map((name) => join(directory, `copy-${name}.bin`));
  for (const copy of copies) await Bun.write(copy, Bun.file(quarter));
  mkdirSync(join(directory, "small"));
  const small = Array.from({ length: SMALL_FILES }, (_, n) => join(directory, "small", `f${n}.bin`));
  for (const path of small) writeFileSync(path, crypto.getRandomValues(new Uint8Array(10_000)));
  const tiny = join(directory, "tiny.bin");
  writeFileSync(tiny, crypto.getRandomValues(new Uint8Array(1024)));

  const hoist = resolve(process.env.HOIST_BIN ?? "dist/hoist");
  const lines: Line[] = [];
  for (const row of ["large", "four"] as const) {
    const md5 = md5Of(row === "large" ? large : quarter);
    await using plain = await startHosts(peers.sink, directory, { tls: false, md5 });
    await using tls = await startHosts(peers.sink, directory, { tls: true, md5 });
    await using slow = await startHosts(peers.sink, directory, { tls: false, md5, delayMs: 5 });
    const all = rowsOf({
      ...{ hoist, directory, peers, plain, tls, slow, small, tiny },
      large: { path: large, gib: LARGE_GIB },
      four: { paths: copies, gib: LARGE_GIB },
    });
    for (const each of all.filter(({ name }) => name.startsWith("4 files") === (row === "four"))) {
      if (words.length > 0 && !words.some((word) => each.name.includes(word))) continue;
      console.error(each.name);
      lines.push(...linesOf(each, await race(peers.measure, each.contenders, ROUNDS, directory)));
    }
  }
  return lines;
}

/** Random, so that nothing on the way can make it smaller. */
async function makeFile(path: string, size: number): Promise<void> {
  const sink = Bun.file(path).writer();
  const piece = new Uint8Array(1024 * 1024);
  for (let at = 0; at < size; at += piece.length) {
    for (let start = 0; start < piece.length; start += 65_536)
      crypto.getRandomValues(piece.subarray(start, start + 65_536));
    sink.write(piece.subarray(0, Math.min(piece.length, size - at)));
    await sink.flush();
  }
  await sink.end();
}

function md5Of(path: string): string {
  return Bun.spawnSync(["openssl", "md5", "-r", path]).stdout.toString().split(" ")[0] ?? "";
}
