import * as v from "valibot";
import type { HookSection, PresetName } from "../../config/hooks-schema.ts";
import { AppError } from "../../errors.ts";
import type { HookAuth } from "./auth.ts";
import type { Example } from "./example.ts";
import type { Payload } from "./payload.ts";

/** One file that a payload is about. */
export interface FoundFile {
  /** Where it may stand, most likely first: senders name the same file by one or two of their fields. */
  readonly paths: readonly string[];
  /**
   * What tells this very file apart from those that stand at its path at other times, the same in every event about it;
   * null when the sender gives nothing of the kind.
   */
  readonly identity: readonly string[] | null;
}

export interface FoundFiles {
  readonly files: readonly FoundFile[];
  /** The sender's own name for this event. */
  readonly eventId: string | null;
}

/** An event that no upload follows from. */
export type NoUpload = { readonly kind: "test" } | { readonly kind: "skipped"; readonly reason: string };

/** What the person who sets up the sender needs to know. */
export interface SenderSetup {
  readonly url: string;
  /** Null: the server's own tokens. */
  readonly auth: HookAuth["kind"] | null;
  readonly methods: HookSection["methods"];
  /** What would be queued. */
  readonly example: Example;
}

/** Everything known about one kind of sender. */
export interface Preset {
  readonly name: PresetName;
  /** A path may be a directory: everything in it is meant. */
  readonly directories: boolean;
  /** A path is for one file only, so that it is known again whoever names it. */
  readonly pathTellsApart: boolean;
  /** What `identity` and the path come to, in words that follow "the same"; null when there never is an identity. */
  readonly sameFile: string | null;
  /** Null when files are to be looked for. Fails with `usage` when the payload is not this sender's. */
  recognize(payload: Payload): NoUpload | null;
  /** Fails with `usage` when the payload is not this sender's. */
  find(payload: Payload): FoundFiles;
  /** What the sender would say of a file below `folder`, as JSON; null when only the section can tell. */
  sample(folder: string): unknown;
  /** Lines to read or paste, without any secret. */
  setup(sender: SenderSetup): readonly string[];
}

/** The payload as a sender's schema wants it. Fails with `usage`, naming keys of the schema and never a value. */
export function parseAs<const S extends v.GenericSchema>(
  sender: string,
  schema: S,
  payload: Payload,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, payload.value);
  if (parsed.success) return parsed.output;
  const path = parsed.issues[0].path?.map(({ key }) => String(key)).join(".");
  throw new AppError("usage", `this is not what ${sender} sends: ${path ?? "the payload"} has the wrong type`);
}

/** A text that a sender may leave out, set to null or leave empty. */
export const maybeText = v.pipe(
  v.nullish(v.string(), null),
  v.transform((text) => (text === "" ? null : text)),
);

/** A database key of the sender's, as text. */
export const maybeId = v.pipe(
  v.nullish(v.union([v.string(), v.number()]), null),
  v.transform((id) => (id === null || id === "" || id === 0 ? null : String(id))),
);
