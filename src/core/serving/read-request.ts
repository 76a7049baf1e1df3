import { resolve } from "node:path";
import { AppError } from "../../errors.ts";
import type { Account } from "../accounts/account.ts";
import { parseAfter } from "../after.ts";
import { invalidInput } from "../invalid-input.ts";
import { assertResumable, type Destination, parseDestinations } from "../planning/destinations.ts";
import { compileName } from "../planning/names.ts";
import type { AddJob } from "./add-job.ts";
import type { JobsWorld } from "./create-jobs.ts";
import { rewritePath } from "./enqueue.ts";
import type { JobRequest } from "./jobs.ts";

/** `POST /v1/jobs` as a request. Fails with `usage`, or `unprocessable` on a callback that cannot be. */
export function readRequest(input: AddJob, world: Pick<JobsWorld, "settings" | "accounts">): JobRequest {
  const { to, rewrite, refuseCallback } = world.settings();
  const named = input.to.length > 0 ? input.to : to;
  if (named.length === 0) throw invalidInput([{ path: "to", message: "is missing, and [up] has none either" }]);
  const refusal = input.callback === null ? null : refuseCallback(input.callback);
  if (refusal !== null) throw new AppError("unprocessable", refusal);
  const after = parseAfter(input.after) ?? ({ do: "keep" } as const);
  const destinations = readDestinations(named, world.accounts(), input.to.length > 0);
  assertName(input.name);
  assertResumable(destinations, input.resumable);
  return {
    path: rewritePath(input.path, rewrite),
    to: destinations,
    name: input.name,
    firstNumber: input.firstNumber,
    labels: input.labels,
    recursive: input.recursive,
    callback: input.callback,
    notBefore: input.notBefore === null ? null : Date.parse(input.notBefore),
    settleMs: null,
    resumable: input.resumable,
    after: after.do === "move" ? { ...after, directory: resolve(after.directory) } : after,
  };
}

type Accounts = ReadonlyMap<string, Account>;

/** Whoever sends a request knows its keys, and no options. `asked`: not those of the configuration. */
function readDestinations(to: readonly string[], accounts: Accounts, asked: boolean): readonly Destination[] {
  try {
    return parseDestinations(to, accounts);
  } catch (thrown) {
    const index = asked ? to.findIndex((value) => !isDestination(value, accounts)) : -1;
    if (index === -1) throw thrown;
    throw invalidInput([{ path: `to[${index}]`, message: whatIsWrong(to[index] ?? "", accounts) }]);
  }
}

function isDestination(value: string, accounts: Accounts): boolean {
  try {
    return parseDestinations([value], accounts).length > 0;
  } catch {
    return false;
  }
}

function whatIsWrong(value: string, accounts: Accounts): string {
  const host = accounts.get(value.split(":", 1)[0] ?? "")?.host;
  if (host === undefined) return "names no account of this server";
  return host.features.folders
    ? "names a folder that cannot be: none is called . or .., or by more than 255 characters"
    : `names a folder, and ${host.title} has none`;
}

function assertName(name: string | null): void {
  try {
    if (name !== null) compileName(name);
  } catch {
    throw invalidInput([{ path: "name", message: "has a placeholder that is not known; a brace is written twice" }]);
  }
}
