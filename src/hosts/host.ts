import * as v from "valibot";
import type { Source } from "../io/source.ts";
import type { Json } from "../json.ts";
import type { Phase } from "./phase.ts";
import type { Sandbox } from "./sandbox.ts";

/** What core acts on. A flag nobody reads is deleted. */
export interface HostFeatures {
  /** What the host's own answer confirms of a finished upload. */
  readonly verifies: "md5" | "size" | null;
  /** True: a source of unknown length is spooled first. False: it may be streamed. */
  readonly needsSize: boolean;
  /** Uploads at a time per account, over all processes of this machine. */
  readonly perAccount: number;
  /** True: an upload can go on from a checkpoint without sending everything again. */
  readonly resumable: boolean;
  /** True: a destination may name a folder. */
  readonly folders: boolean;
  /** True: nothing is visible before a commit, so a body whose fate is unknown can be abandoned and sent again. */
  readonly commits: boolean;
}

export interface Target {
  /** Name on the host: 1–255 characters, no NUL, CR, LF or `/`. */
  readonly name: string;
  /** Absolute, NFC, no trailing slash: `/` or `/a/b`; null on hosts without folders. */
  readonly folder: string | null;
}

export interface UploadResult {
  readonly url: string;
  readonly remoteId: string | null;
  /** Bytes sent. */
  readonly size: number;
  /** Lower-case hex, or null where it was not computed. */
  readonly md5: string | null;
  readonly verified: "md5" | "size" | null;
}

export interface UploadOptions {
  /** In blocks that the host keeps when the line breaks: where that pays, whatever the size, or not at all. */
  readonly resumable: "auto" | "always" | "never";
  /** The result holds the MD5, also where the host does not verify it. */
  readonly checksum: boolean;
  /** What becomes of files for a folder that takes no more. */
  readonly overflow: "fail" | "new-folder";
}

/** One upload, over all its attempts in this run. */
export interface UploadContext {
  readonly signal: AbortSignal;
  /** Checkpoint of an earlier attempt, by this process or a dead one: untrusted, parse it. */
  readonly resume: { readonly phase: Phase; readonly checkpoint: Json } | null;
  readonly options: UploadOptions;
  /**
   * Records where the upload stands; durable when it resolves (`preparing` and `placed`, which promise nothing, with the
   * next). Several may share one fsync. Without `checkpoint` the
   * recorded one stays; null clears it. Fails with `state` when another process has taken the upload over, or when it
   * has ended. `progress`: the host has confirmed bytes that no later attempt sends again, so the count of failed
   * attempts starts anew.
   */
  phase(phase: Phase, checkpoint?: Json | null, progress?: "confirmed"): Promise<void>;
  /**
   * Shows a page that a person must open, then waits one polling interval. Fails with `captcha` when nobody waits
   * for a person any longer.
   */
  person(request: { readonly kind: "captcha"; readonly url: string }): Promise<void>;
  /** True while `step` may fail once more: at most `limit` times in this run of the upload. */
  spend(step: string, limit: number): boolean;
  /** The bytes are on the host: the account's lane may take the next upload while this one is placed and committed. */
  release(): void;
  /** Whether another upload of this account is running or waiting in this process. */
  more(): boolean;
  /** Something the user should know, one sentence; shown once per text. */
  note(message: string): void;
}

/** An account opened for uploads: one per account and process, shared by its tasks. */
export interface HostSession {
  /**
   * One attempt. Throws AppError; its `retry` advice tells core whether, when and at whose cost the next attempt is
   * made. That attempt finds the last checkpoint in `ctx.resume`.
   */
  upload(source: Source, target: Target, ctx: UploadContext): Promise<UploadResult>;
  /** The file this destination already has, by name and size; null when there is none. */
  existing?(target: Target, size: number, signal: AbortSignal): Promise<ExistingFile | null>;
  /**
   * Asks for what an upload would ask for first, so that a captcha before it is met, and solved, ahead of time. Nothing
   * is uploaded or kept.
   */
  meetCaptcha?(asker: Pick<UploadContext, "signal" | "person">): Promise<void>;
  /** What stands on the host, for a person who looks after it. */
  readonly folders?: RemoteFolders;
  /** Logs in and tells what the host says of the account. */
  check?(signal: AbortSignal): Promise<AccountInfo>;
}

export interface ExistingFile {
  readonly url: string;
  readonly remoteId: string | null;
}

export interface RemoteEntry {
  readonly kind: "file" | "folder";
  /** The host's own name of it: several of one name may stand in one place. */
  readonly id: string;
  readonly name: string;
  /** Id of the folder it stands in; null for the root, and where the host does not say. */
  readonly parent: string | null;
  /** Bytes; null for a folder, and where the host does not say. */
  readonly size: number | null;
  readonly url: string | null;
  /** RFC 3339, as the host has it. */
  readonly time: string | null;
}

/** Folders and files of an account, by id. Every call is made once: nothing here repeats itself. */
export interface RemoteFolders {
  root(signal: AbortSignal): Promise<RemoteEntry>;
  /** Null when there is none; may have to look through the whole account. */
  byId(id: string, signal: AbortSignal): Promise<RemoteEntry | null>;
  /** Everything that stands in a folder, in the host's order. */
  list(folder: string, signal: AbortSignal, only?: RemoteEntry["kind"]): Promise<readonly RemoteEntry[]>;
  /** Fails with `conflict` when a folder of that name is there, also where another process was first. */
  create(parent: string, name: string, signal: AbortSignal): Promise<RemoteEntry>;
  change(
    entry: RemoteEntry,
    to: { readonly name?: string; readonly parent?: string },
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * A file goes to the bin; a file in the bin, and a folder with everything in it, for good. Fails with
   * `outcome_unknown` when nobody answered: look before anything else.
   */
  remove(entry: RemoteEntry, signal: AbortSignal): Promise<void>;
  usage(folder: string, signal: AbortSignal): Promise<RemoteUsage>;
}

/** Of a folder and everything below it. */
export interface RemoteUsage {
  readonly bytes: number;
  readonly files: number;
  readonly folders: number;
}

export interface AccountInfo {
  readonly login: string;
  /** Bytes the account may still store; null when the host does not say. */
  readonly freeBytes: number | null;
  /** The host's own facts, for people. */
  readonly details: Readonly<Record<string, string>>;
}

/** What every session is given by the composition root. */
export interface HostEnv {
  readonly fetch: typeof fetch;
  /** Monotonic milliseconds. */
  now(): number;
  /** Rejects with `cancelled` when the signal fires. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Milliseconds: the unit of every wait. */
  readonly retryBaseMs: number;
  /** No byte taken by the socket for this long ends a request. */
  readonly idleTimeoutMs: number;
  /** How long the answer to a body of that many bytes may take. */
  answerTimeoutMs(bytes: number): number;
  /** Runs `work` while no other task or process of this account holds the lock `name`. */
  exclusive<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
  /** Debug log; never give it a secret. */
  log(message: string): void;
}

export interface AccountEndpoint {
  /** Without a trailing slash. */
  readonly baseUrl: string;
  /** The base URL is on loopback: http and private addresses are allowed for this account. */
  readonly loopback: boolean;
}

/** What a person configures: names of the secrets a host knows. */
export type SecretName = "password" | "token" | "apiKey";
export type Credentials = { readonly user: string } & Readonly<Partial<Record<SecretName, string>>>;

export interface HostDefinition<S extends v.GenericSchema> {
  /** Stable: part of the ledger's key, of results and of `host = "…"` in the configuration. */
  readonly id: string;
  readonly title: string;
  readonly defaultUrl: string;
  readonly features: HostFeatures;
  /** Parses `Credentials`. A missing secret is reported by the configuration, which knows the variable's name. */
  readonly credentials: S;
  /** Alternatives of which one must be set, best first. */
  readonly needs: readonly SecretName[];
  /** Also understood, never required. */
  readonly accepts: readonly SecretName[];
  open(credentials: v.InferOutput<S>, endpoint: AccountEndpoint, env: HostEnv): Promise<HostSession>;
  /** The host simulated on loopback. */
  sandbox(): Promise<Sandbox>;
}

/** A host as the registry holds it; `Credentials` are parsed by the host's own schema at `open`. */
export interface Host extends Omit<HostDefinition<v.GenericSchema>, "credentials" | "open"> {
  open(credentials: Credentials, endpoint: AccountEndpoint, env: HostEnv): Promise<HostSession>;
}

/** Checks a host's literal and erases its credentials' type; the schema still guards `open`. */
export function defineHost<const S extends v.GenericSchema<Credentials, unknown>>(definition: HostDefinition<S>): Host {
  return {
    ...definition,
    open: async (credentials, endpoint, env) =>
      definition.open(v.parse(definition.credentials, credentials) as v.InferOutput<S>, endpoint, env),
  };
}
