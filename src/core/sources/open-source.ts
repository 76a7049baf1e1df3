import { type AppError, toAppError } from "../../errors.ts";
import type { Phase } from "../../hosts/phase.ts";
import { type FileIdentity, type FileSource, openFile, type Source, type SourceOptions } from "../../io/source.ts";
import { stdinStream } from "../../io/stdin.ts";
import { streamSource } from "../../io/stream-source.ts";
import type { Throttle } from "../../io/throttle.ts";
import type { Account } from "../accounts/account.ts";
import type { EngineListener } from "../events.ts";
import type { RunOptions } from "../inputs.ts";
import type { SourceRecord } from "../job-store.ts";
import type { LedgerEntry } from "../ledger-entry.ts";

export interface SourceWorld {
  readonly options: Pick<RunOptions, "checksum">;
  readonly throttle: Throttle | null;
  readonly listen: EngineListener;
  /** How a named file is opened: a server judges what it opens, and takes only the file that it has accepted. */
  readonly openNamed?: (source: SourceRecord, options: SourceOptions) => FileSource;
}

/** The host holds the bytes already: the upload can end without its file. */
const BYTES_ARE_STORED: ReadonlySet<Phase> = new Set(["stored", "placed", "committing", "committed"]);

/**
 * Opens what an upload is about to send, and notices when it is no longer the file that a checkpoint speaks of.
 * Fails with `source`.
 */
export async function openSource(
  entry: LedgerEntry,
  account: Account,
  { options, throttle, listen, openNamed }: SourceWorld,
  onBytes: (delta: number, moved: boolean) => void,
): Promise<Source & Disposable> {
  const { source } = entry.record;
  const sourceOptions: SourceOptions = {
    hash: options.checksum || account.host.features.verifies === "md5",
    onBytes,
    ...(throttle === null ? {} : { throttle }),
  };
  if (source.path === "-" && source.spool === null) {
    return streamSource("standard input", stdinStream(), sourceOptions);
  }
  const file = openOrSubstitute(source, entry.record.phase, sourceOptions, openNamed ?? openPath);
  try {
    if (file.identity === undefined || source.spool !== null) return file;
    if (openNamed === undefined) await followChange(entry, source, file.identity, listen);
    // It is the accepted file; its device or, where they mean nothing, its inode may have another number.
    else if (!isStamped(source, file.identity)) await entry.source({ ...source, ...file.identity });
    return file;
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

function openOrSubstitute(
  source: SourceRecord,
  phase: Phase,
  options: SourceOptions,
  openNamed: NonNullable<SourceWorld["openNamed"]>,
): FileSource | (Source & Disposable) {
  try {
    return source.spool === null ? openNamed(source, options) : openFile(source.spool, options);
  } catch (error) {
    if (!BYTES_ARE_STORED.has(phase) || source.size === null) throw error;
    return missingSource(source, source.size, toAppError(error));
  }
}

function openPath({ path }: SourceRecord, options: SourceOptions): FileSource {
  return openFile(path, options);
}

/** A file that is gone while its upload only waits for placing and commit. */
function missingSource(source: SourceRecord, size: number, error: AppError): Source & Disposable {
  return {
    label: source.path,
    size,
    spent: false,
    bytesRead: 0,
    md5: () => null,
    rest: () => {},
    assertUnchanged: async () => {},
    // biome-ignore lint/correctness/useYield: reading a file that is gone fails before the first byte
    async *open() {
      throw error;
    },
    [Symbol.dispose]() {},
  };
}

function isStamped(known: SourceRecord, { size, mtimeNs, inode }: FileIdentity): boolean {
  return known.size === size && known.mtimeNs === mtimeNs && known.inode === inode;
}

/** A commit that was asked for concerns the old content and is asked for again; anything earlier starts anew. */
async function followChange(
  entry: LedgerEntry,
  known: SourceRecord,
  { size, mtimeNs, inode }: FileIdentity,
  listen: EngineListener,
): Promise<void> {
  if (isStamped(known, { size, mtimeNs, inode })) return;
  const { phase, checkpoint } = entry.record;
  if (phase === "committing" || phase === "committed") return;
  // In this order: a crash in between must not leave the old content's checkpoint with the new content.
  if (checkpoint !== null) await entry.phase("preparing", null);
  await entry.source({ ...known, size, mtimeNs, inode });
  // Of what was never begun there is nothing to start anew.
  if (phase === "new") return;
  listen({ type: "note", text: `${known.path} changed since it was interrupted: its upload starts anew` });
}
