import type { Costs } from "./race.ts";
import type { Row } from "./rows.ts";

/** A contender's figures: medians. */
export interface Line {
  readonly row: string;
  readonly who: string;
  readonly seconds: number;
  /** Null where the row is not about bytes. */
  readonly mbPerSecond: number | null;
  readonly cpuPerGib: number | null;
  /** CPU seconds of whoever took the bytes, per GiB. */
  readonly sinkCpuPerGib: number | null;
  readonly cpu: number;
  readonly rssMiB: number;
  /** Of the first of the row to this one: how many times as fast it is. */
  readonly oursIsFaster: number;
  /** How much CPU the first of the row takes of what this one takes. */
  readonly oursTakesCpu: number;
}

const GB_PER_GIB = 1024 ** 3 / 1e6;

export function linesOf({ name, gib, contenders }: Row, costs: Costs): Line[] {
  const first = costs.get(contenders[0]?.name ?? "");
  return [...costs].map(([who, { wall, cpu, rssMiB, beside }]) => ({
    row: name,
    who,
    seconds: wall,
    mbPerSecond: gib > 0 ? (gib * GB_PER_GIB) / wall : null,
    cpuPerGib: gib > 0 ? cpu / gib : null,
    sinkCpuPerGib: gib > 0 && beside > 0 ? beside / gib : null,
    cpu,
    rssMiB,
    oursIsFaster: wall / (first?.wall ?? Number.NaN),
    oursTakesCpu: (first?.cpu ?? Number.NaN) / cpu,
  }));
}

/** Markdown, as it stands in docs/performance.md. */
export function printTable(lines: readonly Line[]): void {
  const head = ["row", "", "s", "MB/s", "CPU s", "CPU s/GiB", "sink", "RSS MiB", "hoist is faster", "hoist's CPU"];
  const cell = (value: number | null, digits: number) => (value === null ? "–" : value.toFixed(digits));
  const rows = lines.map((line, at) => [
    lines[at - 1]?.row === line.row ? "" : line.row,
    line.who,
    cell(line.seconds, 3),
    cell(line.mbPerSecond, 0),
    cell(line.cpu, 2),
    cell(line.cpuPerGib, 2),
    cell(line.sinkCpuPerGib, 2),
    cell(line.rssMiB, 0),
    `${line.oursIsFaster.toFixed(2)} ×`,
    `${line.oursTakesCpu.toFixed(2)} ×`,
  ]);
  for (const row of [head, head.map(() => "---"), ...rows]) console.log(`| ${row.join(" | ")} |`);
}
