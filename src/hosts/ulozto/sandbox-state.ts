import type { Context, MiddlewareHandler } from "hono";
import * as v from "valibot";
import type { SandboxEnv, SandboxKit } from "../sandbox.ts";
import type { StoredContent } from "../sandbox-store.ts";

/** The simulated host's memory. */
export interface SandboxState {
  /** Session → login. */
  readonly sessions: Map<string, string>;
  readonly folders: SandboxFolder[];
  /** `private_slug` → batch. */
  readonly batches: Map<string, SandboxBatch>;
  /** The key in an upload address → where it leads. */
  readonly links: Map<string, SandboxLink>;
  /** `upload_signature` → the batch that it lets files into. */
  readonly signatures: Map<string, SandboxBatch>;
  /** `private_slug/batch_file_id` → an upload in blocks. */
  readonly blocks: Map<string, SandboxBlocks>;
  readonly files: SandboxFile[];
  /** Login → the captcha that stands before its next upload link. */
  readonly captchas: Map<string, { readonly token: string; solved: boolean }>;
}

export interface SandboxFolder {
  readonly slug: string;
  readonly owner: string;
  name: string;
  /** Null: the root. */
  parent: string | null;
}

export interface SandboxBatch {
  readonly slug: string;
  readonly owner: string;
  confirmedAt: Date | null;
}

export interface SandboxLink {
  readonly batch: SandboxBatch;
  /** On the monotonic clock. */
  readonly until: number;
}

export interface SandboxBlocks {
  readonly batch: SandboxBatch;
  /** `batch_file_id`. */
  readonly number: number;
  readonly name: string;
  readonly size: number;
  readonly blockSize: number;
  /** By number, from 1. */
  readonly stored: Map<number, StoredContent>;
  /** The slug of the whole file, once somebody has asked for it. */
  joining: Promise<string> | null;
}

export interface SandboxFile {
  readonly slug: string;
  readonly batch: SandboxBatch;
  /** `batch_file_id`. */
  readonly number: number;
  readonly content: StoredContent;
  name: string;
  /** Slug; null until the properties set it. */
  folder: string | null;
  binned: boolean;
}

export function createState(): SandboxState {
  return {
    sessions: new Map(),
    folders: [],
    batches: new Map(),
    links: new Map(),
    signatures: new Map(),
    blocks: new Map(),
    files: [],
    captchas: new Map(),
  };
}

/** A name of the host's own making. */
export function newSlug(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 12);
}

/** The root folder of a login, made at first sight. */
export function rootOf(state: SandboxState, owner: string): SandboxFolder {
  const known = state.folders.find((folder) => folder.owner === owner && folder.parent === null);
  if (known !== undefined) return known;
  const root = { slug: newSlug(), owner, name: "", parent: null };
  state.folders.push(root);
  return root;
}

/** How a file looks in every answer. */
export function fileView(file: SandboxFile, kit: SandboxKit) {
  const dot = file.name.lastIndexOf(".");
  return {
    slug: file.slug,
    name: file.name,
    extension: dot > 0 ? file.name.slice(dot + 1) : "",
    filesize: file.content.size,
    url: `${kit.origin()}/ulozto/file/${file.slug}/${encodeURIComponent(file.name)}`,
    folder_slug: file.folder,
    description: "",
    upload_time: (file.batch.confirmedAt ?? new Date()).toISOString(),
  };
}

/** An error as the host words it [O]. */
export function refused(status: number, error: number, message: string, data?: object): Response {
  return Response.json({ error, code: status, message, ...(data === undefined ? {} : { data }) }, { status });
}

/** Lets a call pass whose session stands; the fault `session` ends it first. */
export function withSession(state: SandboxState): MiddlewareHandler<SandboxEnv> {
  return async (c, next) => {
    const session = c.req.header("x-user-token") ?? "";
    if (c.get("fault") === "session") state.sessions.delete(session);
    if (!state.sessions.has(session)) return refused(401, 70_001, "The session has expired.");
    return next();
  };
}

/** Whose session a call behind `withSession` is. */
export function loginOf(state: SandboxState, c: Context): string {
  return state.sessions.get(c.req.header("x-user-token") ?? "") ?? "";
}

/** The JSON of a call; null when it is not what the schema wants. */
export async function jsonBody<const S extends v.GenericSchema>(
  c: Context,
  schema: S,
): Promise<v.InferOutput<S> | null> {
  const parsed = v.safeParse(schema, await c.req.json().catch(() => null));
  return parsed.success ? parsed.output : null;
}
