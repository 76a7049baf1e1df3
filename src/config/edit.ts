import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { AppError } from "../errors.ts";
import type { SecretName } from "../hosts/host.ts";
import { FILE_NAMES } from "./names.ts";
import { parseConfig } from "./read-file.ts";

/** As many as Linux follows. */
const MOST_LINKS = 40;

export interface NewAccount {
  readonly name: string;
  readonly host: string;
  readonly user: string;
  readonly secrets: Readonly<Partial<Record<SecretName, string>>>;
}

/**
 * Appends a section to the config file and leaves everything else as it is, comments included; makes the file when
 * there is none. Fails with `config` when the file cannot be extended by hand-written means, with `state` when it
 * cannot be written.
 */
export async function addAccount(path: string, account: NewAccount): Promise<void> {
  const { stringify } = await import("smol-toml");
  const secrets = Object.entries(account.secrets).map(([name, value]) => [FILE_NAMES[name as SecretName], value]);
  const section = { host: account.host, user: account.user, ...Object.fromEntries(secrets) };
  const before = await readIfThere(path);
  const gap = before === "" ? "" : before.endsWith("\n") ? "\n" : "\n\n";
  const after = `${before}${gap}${stringify({ accounts: { [account.name]: section } }).trim()}\n`;
  await assertOnlyDifference(path, before, after, (accounts) => ({ ...accounts, [account.name]: section }));
  await replaceFile(path, after);
}

/** Takes the account's section out and leaves everything else. Fails with `config` when it is not a section. */
export async function removeAccount(path: string, name: string): Promise<void> {
  const before = await readIfThere(path);
  const after = withoutSections(before, new RegExp(`^\\s*\\[\\s*accounts\\s*\\.\\s*["']?${name}["']?\\s*[\\].]`));
  await assertOnlyDifference(path, before, after, ({ [name]: _, ...others }) => others);
  await replaceFile(path, after);
}

/** Comments and blank lines at a section's end belong to what follows. */
function withoutSections(text: string, header: RegExp): string {
  const kept: string[] = [];
  let trailing: string[] = [];
  let inside = false;
  for (const line of text.split(/(?<=\n)/)) {
    if (/^\s*\[/.test(line)) {
      inside = header.test(line);
      if (!inside) kept.push(...trailing);
      trailing = [];
    }
    if (!inside) kept.push(line);
    else if (/^\s*(?:#|$)/.test(line)) trailing.push(line);
    else trailing = [];
  }
  const left = [...kept, ...trailing].join("");
  return text.startsWith("\n") ? left : left.replace(/^(?:\r?\n)+/, "");
}

type Accounts = Readonly<Record<string, unknown>>;

/** Text surgery on TOML can go wrong in many ways; a parser judges what came of it. */
async function assertOnlyDifference(
  path: string,
  before: string,
  after: string,
  change: (accounts: Accounts) => Accounts,
): Promise<void> {
  const { parse } = await import("smol-toml");
  await parseConfig(path, before);
  const { accounts = {}, ...rest } = parse(before);
  let result: Readonly<Record<string, unknown>>;
  try {
    result = parse(after);
  } catch (error) {
    throw cannotEdit(path, error);
  }
  const { accounts: changed = {}, ...others } = result;
  if (!isDeepStrictEqual(plain(changed), plain(change(accounts as Accounts))) || !isDeepStrictEqual(others, rest)) {
    throw cannotEdit(path);
  }
  await parseConfig(path, after);
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function cannotEdit(path: string, cause?: unknown): AppError {
  return new AppError("config", `${path}: its accounts are written in a form that is not changed automatically`, {
    hint: "write each as a section of its own, [accounts.NAME], or change the file by hand",
    cause,
  });
}

async function readIfThere(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return "";
    throw cannotWrite(path, error);
  });
}

/** All or nothing, for the owner alone; a symlink stays one, also of a file that is to be made. */
async function replaceFile(path: string, text: string): Promise<void> {
  const target = await targetOf(path);
  await assertReplaceable(path, target);
  try {
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const temporary = join(dirname(target), `.config-${randomUUID()}.toml`);
    try {
      await using file = await open(temporary, "wx", 0o600);
      await file.writeFile(text);
      await file.sync();
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Where the file stands, or is to stand. */
async function targetOf(path: string): Promise<string> {
  for (let at = path, links = 0; links < MOST_LINKS; links += 1) {
    const next = await readlink(at).catch(() => null);
    if (next === null) return realpath(at).catch(() => at);
    at = resolve(dirname(at), next);
  }
  return path;
}

/** What is read from a device or a pipe is configuration, too, but a file must not take its place. */
async function assertReplaceable(path: string, target: string): Promise<void> {
  const stats = await stat(target).catch(() => null);
  if (stats === null || stats.isFile()) return;
  throw new AppError("config", `${path} is no regular file: nothing can be added to it`, {
    hint: "name another with --config or HOIST_CONFIG",
  });
}

function cannotWrite(path: string, error: unknown): AppError {
  return new AppError("state", `the config file ${path} cannot be changed (${codeOf(error)})`, { cause: error });
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown";
}
