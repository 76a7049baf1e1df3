import { basename, resolve } from "node:path";
import type { Account } from "../../core/accounts/account.ts";
import type { UploadRecord } from "../../core/job-store.ts";
import { type Destination, parseDestinations } from "../../core/planning/destinations.ts";
import { compileName } from "../../core/planning/names.ts";
import { unrecorded } from "../../core/planning/new-uploads.ts";
import { type AppError, errorView, toAppError } from "../../errors.ts";
import type { CommandContext } from "../context.ts";
import { openApp } from "../open-app.ts";
import { asAccounts } from "./server-answers.ts";
import type { ServerClient } from "./server-client.ts";

/** A source that came to no job. */
export interface Refused {
  /** As typed. */
  readonly path: string;
  /** Among all sources of its command, from 0. */
  readonly index: number;
  readonly error: AppError;
}

/** What was typed for all sources. */
export interface RefusedRequest {
  readonly to: readonly string[];
  readonly name?: string | undefined;
  readonly hook?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** What `hoist up` would have made of them: a failed upload for each destination, in lists of one source each. */
export async function refusedUploads(
  refused: readonly Refused[],
  request: RefusedRequest,
  client: ServerClient,
  context: CommandContext,
): Promise<readonly (readonly UploadRecord[])[]> {
  if (refused.length === 0) return [];
  const destinations = (await destinationsOf(request, client, context)) ?? [UNKNOWN];
  return refused.map((source) =>
    destinations.map((to, destinationIndex) => failedUpload(source, to, destinationIndex, request)),
  );
}

type Place = Pick<UploadRecord, "account" | "host" | "folder">;

/** Only the server knows: a hook's destinations, or the defaults of another machine. */
const UNKNOWN: Place = { account: "", host: "", folder: null };

function failedUpload(
  { path, index, error }: Refused,
  to: Place,
  destinationIndex: number,
  { name, labels }: RefusedRequest,
): UploadRecord {
  const file = path === "-" ? path : resolve(path);
  const base = path === "-" ? "stdin" : basename(file);
  const upload = {
    ...to,
    sourceIndex: index,
    destinationIndex,
    source: { path: file, size: null, mtimeNs: null, inode: null, spool: null },
    accountKey: to.account,
    name: name === undefined ? base : compileName(name).render({ base, number: index + 1, now: new Date() }),
    labels,
  };
  const told = error.with({ message: `${file}: ${error.message}` });
  return unrecorded(upload, "", { ok: false, error: errorView(told) });
}

async function destinationsOf(
  { to, hook }: RefusedRequest,
  client: ServerClient,
  context: CommandContext,
): Promise<readonly Place[] | null> {
  if (hook !== undefined) return null;
  try {
    await using app = await openApp(context, { command: "jobs add", history: false });
    const named = to.length > 0 ? to : client.isLocal ? app.config.up.to : [];
    if (named.length === 0) return null;
    return parseDestinations(named, await accountsOf(client, app.config.accounts)).map(placeOf);
  } catch (thrown) {
    context.out.debug(`where these would have gone is not known: ${toAppError(thrown).message}`);
    return null;
  }
}

function placeOf({ account, folder }: Destination): Place {
  return { account: account.name, host: account.host.id, folder };
}

/** The server's accounts, on the hosts that this machine knows. */
async function accountsOf(
  client: ServerClient,
  own: ReadonlyMap<string, Account>,
): Promise<ReadonlyMap<string, Account>> {
  const accounts = asAccounts(await client.json({ method: "GET", path: "/v1/accounts" }));
  const onHost = new Map([...own.values()].map((account) => [account.host.id, account]));
  return new Map(
    accounts.flatMap(({ name, host }) => {
      const like = onHost.get(host);
      return like === undefined ? [] : [[name, { ...like, name, key: name }] as const];
    }),
  );
}
