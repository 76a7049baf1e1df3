import * as v from "valibot";
import { AppError, errorView, toAppError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Account } from "./accounts/account.ts";
import { accountByKey } from "./accounts/account-by-key.ts";
import { runOptions } from "./inputs.ts";
import type { JobStore, UploadRecord } from "./job-store.ts";
import { createReporting } from "./reporting.ts";
import { drain } from "./sending/queue.ts";
import type { UploadsWorld } from "./up.ts";
import type { SummaryView } from "./views.ts";

export interface ResumeRequest {
  /** None: everything that was interrupted. */
  readonly ids: readonly string[];
  /** Also uploads named by `ids` whose outcome is unknown. */
  readonly retryUnknown: boolean;
}

const CHUNK = 500;

/**
 * Goes on with interrupted uploads, each with the options of the run it came from. Fails with `not_found`, and with
 * `cancelled` when the signal fires before all are looked at.
 */
export async function resume(request: ResumeRequest, world: UploadsWorld, signal: AbortSignal): Promise<SummaryView> {
  const { store } = world;
  await store.recover(world.committingHosts);
  const named = new Set<string>();
  const accountOf = accountByKey(world.accounts, named);
  const { order, runs, refused } = await sort(request, store, { accountOf, named }, signal);
  const place = (upload: UploadRecord) => ({ ...upload, sourceIndex: order.get(upload.id) ?? 0, destinationIndex: 0 });
  const reporting = createReporting({
    ...world,
    listen: (event) => world.listen(event.type === "ended" ? { ...event, upload: place(event.upload) } : event),
  });
  const end = (upload: UploadRecord, error: AppError) =>
    reporting.listen({ type: "ended", upload: { ...upload, outcome: { ok: false, error: errorView(error) } } });
  reporting.listen({ type: "planned", uploads: order.size, destinations: 1, bytes: 0 });
  for (const { upload, error } of refused) end(upload, error);
  for (const [runId, ids] of runs) {
    if (signal.aborted) break;
    const stored = v.parse(runOptions, (await store.runOptions(runId)) ?? {});
    const options = { ...stored, retryUnknown: request.retryUnknown };
    const next = await store.createRun(options as Json);
    // A piece at a time: a stop in the middle leaves the others where they are.
    for (let start = 0; start < ids.length && !signal.aborted; start += CHUNK) {
      const chunk = ids.slice(start, start + CHUNK);
      const taken = new Set(await store.requeue(next, chunk));
      for (const id of chunk.filter((each) => !taken.has(each))) {
        const upload = await store.get(id);
        if (upload !== null) end(upload, takenElsewhere(upload));
      }
    }
    await store.openRun(next);
    await drain({ ...reporting, accountOf }, { id: next, options }, signal);
  }
  return reporting.summary(signal);
}

interface Sorted {
  /** Place of each upload among the results. */
  readonly order: ReadonlyMap<string, number>;
  /** Ids by the run they come from. */
  readonly runs: ReadonlyMap<string, readonly string[]>;
  readonly refused: readonly { readonly upload: UploadRecord; readonly error: AppError }[];
}

/** Of a long queue only ids stay in memory. */
async function sort(
  request: ResumeRequest,
  store: JobStore,
  { accountOf, named }: { readonly accountOf: (key: string) => Account | null; readonly named: Set<string> },
  signal: AbortSignal,
): Promise<Sorted> {
  const order = new Map<string, number>();
  const runs = new Map<string, string[]>();
  const refused: { upload: UploadRecord; error: AppError }[] = [];
  const locked = new Map<string, AppError | null>();
  for await (const upload of chosen(request, store)) {
    if (signal.aborted) throw new AppError("cancelled", "stopped before anything was sent");
    order.set(upload.id, order.size);
    const { accountKey } = upload;
    named.add(upload.account);
    if (!locked.has(accountKey)) locked.set(accountKey, await whyLocked(accountOf(accountKey)));
    const error = refuse(upload, request, accountOf) ?? locked.get(accountKey) ?? null;
    if (error !== null) refused.push({ upload, error });
    else runs.getOrInsertComputed(upload.runId, () => []).push(upload.id);
  }
  return { order, runs, refused };
}

/** Why an account cannot be opened: its uploads stay as they are. */
async function whyLocked(account: Account | null): Promise<AppError | null> {
  try {
    await account?.credentials();
    return null;
  } catch (thrown) {
    return toAppError(thrown);
  }
}

function takenElsewhere({ name }: UploadRecord): AppError {
  return new AppError("conflict", `another hoist has taken ${name} up meanwhile`);
}

async function* chosen({ ids }: ResumeRequest, store: JobStore): AsyncGenerator<UploadRecord> {
  if (ids.length === 0) {
    yield* await store.untold();
    yield* store.resumable();
  }
  for (const id of ids) {
    const upload = await store.get(id);
    if (upload === null) {
      throw new AppError("not_found", `there is no upload ${id}`, { hint: "see hoist resume --list" });
    }
    yield upload;
  }
}

function refuse(
  upload: UploadRecord,
  request: ResumeRequest,
  accountOf: (key: string) => Account | null,
): AppError | null {
  if (accountOf(upload.accountKey) === null) {
    return new AppError("config", `the account ${upload.account} that ${upload.name} belongs to is not configured`, {
      hint: `configure it again, or forget the upload with: hoist resume --drop ${upload.id}`,
    });
  }
  if (upload.state === "unknown" && !request.retryUnknown) {
    return new AppError("outcome_unknown", `${upload.name} may be up already`, {
      hint: `look at your account; send it again with: hoist resume ${upload.id} --retry-unknown`,
    });
  }
  const open = ["interrupted", "failed", "unknown"].includes(upload.state);
  return open ? null : new AppError("conflict", `${upload.name} is ${upload.state}, there is nothing to resume`);
}
