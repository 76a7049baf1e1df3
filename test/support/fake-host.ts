import * as v from "valibot";
import type { Account } from "../../src/core/accounts/account.ts";
import { AppError } from "../../src/errors.ts";
import {
  defineHost,
  type ExistingFile,
  type Host,
  type HostFeatures,
  type HostSession,
  type Target,
  type UploadContext,
  type UploadResult,
} from "../../src/hosts/host.ts";
import type { Source } from "../../src/io/source.ts";

/** One attempt at one upload, as the host saw it. */
export interface Attempt {
  readonly account: string;
  readonly target: Target;
  /** From 1, per account, folder and name. */
  readonly number: number;
  readonly source: Source;
  readonly ctx: UploadContext;
}

/** What the host does in an attempt. */
export type Behaviour = (attempt: Attempt) => Promise<UploadResult>;

export interface FakeHost {
  readonly host: Host;
  /** In the order they began. */
  readonly attempts: readonly Attempt[];
  /** Content by `account folder/name`, as sent. */
  readonly files: ReadonlyMap<string, string>;
  /** Attempts under way now, and the most there ever were, by account ("*": all). */
  readonly active: ReadonlyMap<string, number>;
  readonly mostActive: ReadonlyMap<string, number>;
  /** How often a session was opened. */
  readonly opened: () => number;
  behave: Behaviour;
  existing: ((target: Target, size: number) => Promise<ExistingFile | null>) | null;
  /** Replaces the opening of a session. */
  open: ((signal?: AbortSignal) => Promise<void>) | null;
}

const FEATURES: HostFeatures = {
  verifies: "size",
  needsSize: false,
  perAccount: 4,
  resumable: false,
  folders: true,
  commits: false,
};

/** A host that does as it is told: no socket, but the real seam. By default it takes everything. */
export function fakeHost(id = "fake", features: Partial<HostFeatures> = {}): FakeHost {
  const attempts: Attempt[] = [];
  const files = new Map<string, string>();
  const numbers = new Map<string, number>();
  const active = new Map<string, number>();
  const mostActive = new Map<string, number>();
  let opened = 0;

  const count = (key: string, by: number) => {
    const now = (active.get(key) ?? 0) + by;
    active.set(key, now);
    mostActive.set(key, Math.max(now, mostActive.get(key) ?? 0));
  };

  const openSession = (account: string): HostSession => ({
    async upload(source, target, ctx) {
      const key = `${account} ${target.folder ?? ""}/${target.name}`;
      const number = (numbers.get(key) ?? 0) + 1;
      numbers.set(key, number);
      const attempt = { account, target, number, source, ctx };
      attempts.push(attempt);
      count(account, 1);
      count("*", 1);
      try {
        return await fake.behave(attempt);
      } finally {
        count(account, -1);
        count("*", -1);
      }
    },
    existing: async (target, size) => (await fake.existing?.(target, size)) ?? null,
  });

  const host = defineHost({
    id,
    title: `The ${id} host`,
    defaultUrl: "https://fake.example",
    features: { ...FEATURES, ...features },
    credentials: v.object({ user: v.string(), password: v.string() }),
    needs: ["password"],
    accepts: [],
    async open({ user }) {
      opened += 1;
      await fake.open?.();
      return openSession(user);
    },
    sandbox: () => Promise.reject(new Error("the fake has no sandbox")),
  });

  const fake: FakeHost = {
    host,
    attempts,
    files,
    active,
    mostActive,
    opened: () => opened,
    behave: async (attempt) => {
      const result = await takeIt(attempt);
      files.set(`${attempt.account} ${attempt.target.folder ?? ""}/${attempt.target.name}`, result.remoteId ?? "");
      return result;
    },
    existing: null,
    open: null,
  };
  return fake;
}

/** Reads the whole source, as a host without commits does; `remoteId` is the MD5 of what came. */
export const takeIt: Behaviour = async ({ source, target, ctx }) => {
  await ctx.phase("preparing");
  await ctx.phase("sending");
  const { bytes, md5 } = await readAll(source, ctx.signal, () => ctx.phase("finishing"));
  await ctx.phase("stored");
  return {
    url: `https://fake.example/${encodeURIComponent(target.name)}`,
    remoteId: md5,
    size: bytes,
    md5: source.md5(),
    verified: "size",
  };
};

export async function readAll(
  source: Source,
  signal: AbortSignal,
  beforeLast: () => Promise<void> = async () => {},
): Promise<{ readonly bytes: number; readonly md5: string }> {
  const hasher = new Bun.CryptoHasher("md5");
  let bytes = 0;
  for await (const chunk of source.open()) {
    if (signal.aborted) throw new AppError("cancelled", "the upload was stopped");
    hasher.update(chunk);
    bytes += chunk.byteLength;
  }
  await beforeLast();
  return { bytes, md5: hasher.digest("hex") };
}

/** Waits until the upload is stopped, as a request that never ends does. */
export function hang(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(new AppError("cancelled", "the upload was stopped"));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** Accounts by name, each with its host; a password that is not given is "secret". */
export function accountsOf(
  hosts: Readonly<Record<string, FakeHost>>,
  passwords: Readonly<Record<string, string>> = {},
): ReadonlyMap<string, Account> {
  return new Map(
    Object.entries(hosts).map(([name, { host }]) => [
      name,
      {
        name,
        host,
        user: name,
        endpoint: { baseUrl: "https://fake.example", loopback: false },
        key: `${host.id} https://fake.example ${name}`,
        credentials: async () => ({ user: name, password: passwords[name] ?? "secret" }),
      },
    ]),
  );
}
