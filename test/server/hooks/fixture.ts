import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { type HookSecret, readHookSecret } from "../../../src/config/hook-auth.ts";
import { parseConfig } from "../../../src/config/read-file.ts";
import type { Account } from "../../../src/core/accounts/account.ts";
import { AppError } from "../../../src/errors.ts";
import { defineHost } from "../../../src/hosts/host.ts";
import { compileHook } from "../../../src/server/hooks/compile.ts";
import type { Hook } from "../../../src/server/hooks/hook.ts";
import type { HookRequest } from "../../../src/server/hooks/request.ts";
import { type HookJob, runHook } from "../../../src/server/hooks/run.ts";

function account(name: string, folders: boolean): Account {
  const host = defineHost({
    id: name,
    title: name.toUpperCase(),
    defaultUrl: `https://${name}.example`,
    features: { verifies: null, needsSize: false, perAccount: 1, resumable: false, folders, commits: false },
    credentials: v.object({ user: v.string() }),
    needs: ["password"],
    accepts: [],
    open: () => Promise.reject(new Error("not opened in these tests")),
    sandbox: () => Promise.reject(new Error("not opened in these tests")),
  });
  return {
    name,
    host,
    user: "me",
    endpoint: { baseUrl: host.defaultUrl, loopback: false },
    key: `${name} me`,
    credentials: () => Promise.reject(new Error("not read in these tests")),
  };
}

/** `deep` has folders, `flat` has none. */
export const ACCOUNTS: ReadonlyMap<string, Account> = new Map([
  ["deep", account("deep", true)],
  ["flat", account("flat", false)],
]);

const NO_DEFAULTS = { to: [], roots: [] };

/** The only hook of a TOML text, as the server would have it. */
export async function hookOf(toml: string, defaults: { to: string[]; roots: string[] } = NO_DEFAULTS): Promise<Hook> {
  const { hooks = {} } = await parseConfig("config.toml", toml);
  const [entry] = Object.entries(hooks);
  if (entry === undefined) throw new Error("the text has no hook");
  const [name, section] = entry;
  const secret: HookSecret | null =
    section.auth === undefined
      ? null
      : await readHookSecret(name, section.auth, { configPath: "/etc/hoist/config.toml", env: {} });
  return compileHook({ name, section, secret, accounts: ACCOUNTS, defaults });
}

const FIXTURES = join(import.meta.dir, "../../fixtures/hooks");

export function fixture(name: string): Uint8Array {
  return readFileSync(join(FIXTURES, name));
}

/** A fixture as it arrives: `.json` and `.form` by POST, `.query` by GET. */
export function arrival(name: string, headers: Record<string, string> = {}): HookRequest {
  const body = fixture(name);
  const text = new TextDecoder().decode(body);
  if (name.endsWith(".query")) return get(text, headers);
  return post(text, name.endsWith(".json") ? "application/json" : "application/x-www-form-urlencoded", headers);
}

export function post(
  body: unknown,
  contentType = "application/json",
  headers: Record<string, string> = {},
): HookRequest {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return {
    method: "POST",
    headers: new Headers(headers),
    query: new URLSearchParams(),
    contentType,
    body: new TextEncoder().encode(text),
  };
}

export function get(query: string, headers: Record<string, string> = {}): HookRequest {
  return {
    method: "GET",
    headers: new Headers(headers),
    query: new URLSearchParams(query),
    contentType: null,
    body: new Uint8Array(),
  };
}

export function jobsOf(hook: Hook, request: HookRequest): readonly HookJob[] {
  const outcome = runHook(hook, request);
  if (outcome.kind !== "jobs") throw new Error(`no jobs but ${JSON.stringify(outcome)}`);
  return outcome.jobs;
}

/** Destinations as a person would type them. */
export function typed({ to }: HookJob): string[] {
  return to.map(({ account: { name }, folder }) => (folder === null ? name : `${name}:${folder}`));
}

/** The AppError that `work` throws. */
export function thrown(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
