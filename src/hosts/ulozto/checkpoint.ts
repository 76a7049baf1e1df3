import * as v from "valibot";
import type { FileIdentity, Source } from "../../io/source.ts";
import type { Json } from "../../json.ts";
import type { UploadContext } from "../host.ts";
import { type BlockUpload, readBlocks } from "./block-checkpoint.ts";
import type { StoredFile } from "./upload.ts";

/** A file in a batch that is not known to be committed. */
export interface Placed {
  /** The batch's `private_slug`. */
  readonly batch: string;
  /** The file's `batch_file_id`. */
  readonly number: number;
  readonly file: StoredFile;
  /** Other files may be in the batch. */
  readonly shared: boolean;
  /** Null until name and folder are set. */
  readonly url: string | null;
  /** How many files the batch holds; told once its commit is to be asked for. */
  readonly files?: number | undefined;
}

/** What an earlier attempt has left. */
export type Resumed =
  /** Nothing on the host is of use. `alone`: the next body gets a batch of its own. */
  | { readonly kind: "anew"; readonly alone: boolean }
  /** Some of its blocks are on the host. */
  | { readonly kind: "blocks"; readonly upload: BlockUpload }
  | { readonly kind: "stored" | "placed" | "committing" | "committed"; readonly at: Placed };

/** Recorded where a body has spoilt the batch it shared, or was in one of its own: it is not to share another. */
export const ALONE: Json = { v: 1, alone: true };

const placed = v.object({
  v: v.literal(1),
  batch: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,200}$/)),
  number: v.pipe(v.number(), v.integer(), v.minValue(1)),
  slug: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,200}$/)),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  md5: v.nullable(v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/))),
  verified: v.optional(v.nullable(v.picklist(["md5", "size"])), "md5"),
  shared: v.boolean(),
  url: v.nullable(v.string()),
  files: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
const alone = v.object({ v: v.literal(1), alone: v.literal(true) });

export function checkpointOf({ batch, number, file, shared, url, files }: Placed): Json {
  return { v: 1, batch, number, ...file, shared, url, ...(files === undefined ? {} : { files }) };
}

/** Reads the checkpoint of a source; one that cannot be used is told and left aside. */
export function resumedFrom(
  { resume, note }: UploadContext,
  { size, identity }: Pick<Source, "identity"> & { readonly size: number },
): Resumed {
  const checkpoint = resume?.checkpoint ?? null;
  if (resume === null || checkpoint === null) return { kind: "anew", alone: false };
  if (v.is(alone, checkpoint)) return { kind: "anew", alone: true };
  const upload = readBlocks(checkpoint, size);
  if (upload !== null && isSameFile(upload.file, identity)) return { kind: "blocks", upload };
  const parsed = v.safeParse(placed, checkpoint);
  if (!parsed.success || parsed.output.size !== size) {
    note("where the upload stood cannot be read: it starts anew");
    return { kind: "anew", alone: false };
  }
  const { slug, md5, verified, ...rest } = parsed.output;
  const at: Placed = { ...rest, file: { slug, size, md5, verified } };
  switch (resume.phase) {
    case "stored":
    case "placed":
    case "committing":
    case "committed":
      return { kind: resume.phase, at };
    default:
      return { kind: "anew", alone: false };
  }
}

/** Blocks of one version of a file are of no use to another. */
function isSameFile(known: FileIdentity | null, now: FileIdentity | undefined): boolean {
  if (known === null || now === undefined) return known === null && now === undefined;
  return known.size === now.size && known.mtimeNs === now.mtimeNs && known.inode === now.inode;
}
