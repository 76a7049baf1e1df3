import * as v from "valibot";
import type { FileIdentity } from "../../io/source.ts";
import type { Json } from "../../json.ts";
import { BLOCK_SIZES, type BlockPlan, countOf, readNumbers, writeNumbers } from "./block-plan.ts";

/** An upload in blocks that the host has registered. */
export interface BlockUpload {
  readonly plan: BlockPlan;
  /** Where its blocks go, without a trailing slash. */
  readonly base: string;
  /** `private_slug`. */
  readonly batch: string;
  /** `batch_file_id`. */
  readonly number: number;
  /** What was being sent: blocks of another version must never be mixed in. Null: no file with an identity. */
  readonly file: FileIdentity | null;
  /** Blocks that the host said it has. */
  readonly stored: Set<number>;
  /** The most there ever were: what the host loses again is no new progress when it is repeated. */
  most: number;
}

const positive = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const schema = v.object({
  v: v.literal(1),
  base: v.pipe(v.string(), v.maxLength(2000)),
  batch: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,200}$/)),
  number: positive,
  size: positive,
  blockSize: v.picklist([...BLOCK_SIZES]),
  file: v.nullable(v.object({ size: v.number(), mtimeNs: v.string(), inode: v.string() })),
  stored: v.pipe(v.string(), v.maxLength(200_000)),
  most: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
});

export function checkpointOfBlocks({ plan, stored, ...rest }: BlockUpload): Json {
  const { base, batch, number, most, file } = rest;
  return { v: 1, base, batch, number, ...plan, file: file && { ...file }, stored: writeNumbers(stored), most };
}

/** Null unless it is a checkpoint of blocks, of a file of `size` bytes. */
export function readBlocks(checkpoint: Json, size: number): BlockUpload | null {
  const parsed = v.safeParse(schema, checkpoint);
  if (!parsed.success || parsed.output.size !== size) return null;
  const { blockSize, stored, base, batch, number, most, file } = parsed.output;
  const plan = { size, blockSize };
  const numbers = readNumbers(stored, countOf(plan));
  return numbers === null ? null : { plan, base, batch, number, file, stored: numbers, most };
}
