import type { ByteRange } from "../../io/source.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** The only sizes that the host takes [O]. */
export const BLOCK_SIZES: readonly number[] = [4 * MIB, 32 * MIB, 128 * MIB];
/** From this many bytes on `auto` uploads in blocks. */
const WORTH_BLOCKS = 256 * MIB;

/** How a file is cut: all blocks but the last have `blockSize` bytes. */
export interface BlockPlan {
  /** Bytes of the file. */
  readonly size: number;
  readonly blockSize: number;
}

/** Small blocks lose little at a break; large files would have too many of them. */
export function planBlocks(size: number): BlockPlan {
  const [small = 0, medium = 0, large = 0] = BLOCK_SIZES;
  return { size, blockSize: size < 8 * GIB ? small : size < 256 * GIB ? medium : large };
}

export function isWorthBlocks(size: number): boolean {
  return size >= WORTH_BLOCKS;
}

/** Blocks are numbered from 1 to this. */
export function countOf({ size, blockSize }: BlockPlan): number {
  return Math.ceil(size / blockSize);
}

export function rangeOf({ size, blockSize }: BlockPlan, number: number): ByteRange {
  const start = (number - 1) * blockSize;
  return { start, end: Math.min(size, start + blockSize) };
}

/** `1-37,39`: ascending, for checkpoints. */
export function writeNumbers(numbers: Iterable<number>): string {
  const runs: { from: number; to: number }[] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last.to + 1 === number) last.to = number;
    else runs.push({ from: number, to: number });
  }
  return runs.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
}

/** Null unless it is what `writeNumbers` makes of numbers from 1 to `count`. */
export function readNumbers(text: string, count: number): Set<number> | null {
  const numbers = new Set<number>();
  let last = 0;
  for (const run of text === "" ? [] : text.split(",")) {
    const [, from, to = from] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(run) ?? [];
    const [first, end] = [Number(from), Number(to)];
    if (!(first > last && end >= first && end <= count)) return null;
    for (let number = first; number <= end; number += 1) numbers.add(number);
    last = end;
  }
  return numbers;
}
