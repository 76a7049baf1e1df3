import type { Answer, Seen } from "./wire.ts";

export const TEST_API_KEY = ';HG%7jW6@6/8vx">R;f(';

export interface UloztoFile {
  readonly slug: string;
  /** As the upload named it, or as the properties renamed it. */
  name: string;
  /** The `filename` of the form, escapes and all. */
  readonly filename: string;
  readonly size: number;
  readonly md5: string | null;
  /** Of each block, in order, when it came in blocks. */
  readonly blocks: readonly { readonly size: number; readonly md5: string }[] | null;
  folder: string | null;
  readonly batch: string;
  readonly number: number;
  /** The client never read the answer that told it this file's slug. */
  answerLost: boolean;
  committed: boolean;
  binned: boolean;
}

export interface UloztoFolder {
  readonly slug: string;
  name: string;
  parent: string | null;
}

export interface BlockUpload {
  readonly number: number;
  readonly name: string;
  readonly size: number;
  readonly chunk: number;
  readonly stored: Map<number, { readonly size: number; readonly md5: string }>;
  slug: string | null;
}

export interface Batch {
  readonly slug: string;
  readonly signature: string | null;
  readonly numbers: Set<number>;
  readonly blocks: Map<number, BlockUpload>;
  status: "open" | "confirmed";
  /** Times the host was asked to confirm it. */
  commits: number;
}

export interface UloztoState {
  readonly login: string;
  readonly root: string;
  password: string | null;
  token: string | null;
  /** The login token works as the password of PUT /v6/session only. */
  tokenIsPassword: boolean;
  apiKey: string;
  /** Only PUT confirms a batch. */
  commitByPut: boolean;
  sessionSeconds: number;
  linkSeconds: number;
  readonly sessions: Map<string, number>;
  readonly links: Map<string, { readonly batch: string; readonly until: number }>;
  readonly batches: Map<string, Batch>;
  readonly files: UloztoFile[];
  readonly folders: UloztoFolder[];
  captcha: { token: string; solved: boolean } | null;
  readonly violations: string[];
}

/** One call of the API, its JSON parsed. */
export interface Call {
  readonly seen: Seen;
  /** The JSON body; an empty object where there was none. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the client sent
  readonly json: any;
  /** Parts of the path that the route's pattern captured. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

export const refuse = (status: number, error: number, message: string, data?: unknown): Answer => ({
  status,
  body: { error, code: status, message, ...(data === undefined ? {} : { data }) },
});

export const randomSlug = () => crypto.randomUUID().replaceAll("-", "").slice(0, 12);

export function batchOf(state: UloztoState, slug: unknown): Batch | undefined {
  return typeof slug === "string" ? state.batches.get(slug) : undefined;
}

export function newBatch(state: UloztoState, signature: string | null): Batch {
  const slug = `batch-${crypto.randomUUID()}`;
  const batch: Batch = { slug, signature, numbers: new Set(), blocks: new Map(), status: "open", commits: 0 };
  state.batches.set(slug, batch);
  return batch;
}

/** How a file shows in the host's lists. */
export function fileView(file: UloztoFile) {
  return {
    slug: file.slug,
    name: file.name,
    extension: file.name.includes(".") ? file.name.slice(file.name.lastIndexOf(".") + 1) : "",
    filesize: file.size,
    url: `https://uloz.to/file/${file.slug}/${encodeURIComponent(file.name)}`,
    folder_slug: file.folder,
    description: null,
    upload_time: "2026-01-02T03:04:05+01:00",
  };
}
