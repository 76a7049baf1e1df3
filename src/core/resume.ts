import * as v from "valibot";
import { AppError, errorView, toAppError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Account } from "./account.ts";
import { runOptions } from "./inputs.ts";
import type { JobStore, UploadRecord } from "./job-store.ts";
import { drain } from "./queue.ts";
import { accountByKey, createReporting } from "./reporting.ts";
import type { UploadsWorld } from "./up.ts";
import type { SummaryView } from "./views.ts";

export interface ResumeRequest {
  /** None: everything that was interrupted. */
  readonly ids: readonly string[];
  /** Also uploads named by `ids` whose outcome is unknown. */
  readonly retryUnknown: boolean;
}

/** Goes on with interrupted uploads, each with the options of the run it came from. Fails with `not_found`. */
export async function resume(request: ResumeRequest, world: UploadsWorld, signal: AbortSignal): Promise<SummaryView> {
  const { store } = world;
  await store.recover(world.committingHosts);
  const accountOf = accountByKey(world.accounts);
  const uploads = await chosen(request, store);
  const order = new Map(uploads.map(({ id }, index) => [id, index]));
  const place = (upload: UploadRecord) => ({ ...upload, sourceIndex: order.get(upload.id) ?? 0, destinationIndex: 0 });
  const reporting = createReporting({
    ...world,
    listen: (event) => world.listen(event.type === "ended" ? { ...event, upload: place(event.upload) } : event),
  });
  const end = (upload: UploadRecord, error: AppError) =>
    reporting.listen({ type: "ended", upload: { ...upload, outcome: { ok: false, error: errorView(error) } } });
  const locked = await accountsWithoutSecrets(uploads, accountOf);
  const runs = new Map<string, UploadRecord[]>();
  reporting.listen({ type: "planned", uploads: uploads.length, destinations: 1, bytes: 0 });
  for (const upload of uploads) {
    const refusal = refuse(upload, request, accountOf) ?? locked.get(upload.accountKey) ?? null;
    if (refusal !== null) end(upload, refusal);
    else runs.getOrInsertComputed(upload.runId, () => []).push(upload);
  }
  for (const [runId, open] of runs) {
    if (signal.aborted) break;
    const stored = v.parse(runOptions, (await store.runOptions(runId)) ?? {});
    const options = { ...stored, retryUnknown: request.retryUnknown };
    const next = await store.createRun(options as Json);
    const ids = open.map(({ id }) => id);
    const taken = new Set(await store.requeue(next, ids));
    await store.openRun(next);
    for (const upload of open) if (!taken.has(upload.id)) end(upload, takenElsewhere(upload));
    await drain({ ...reporting, accountOf }, { id: next, options }, signal);
  }
  return reporting.summary(signal);
}

/** Why accounts cannot be opened: their uploads stay as they are. */
async function accountsWithoutSecrets(
  uploads: readonly UploadRecord[],
  accountOf: (key: string) => Account | null,
): Promise<ReadonlyMap<string, AppError>> {
  const failures = new Map<string, AppError>();
  for (const key of new Set(uploads.map(({ accountKey }) => accountKey))) {
    await accountOf(key)
      ?.credentials()
      .catch((thrown) => failures.set(key, toAppError(thrown)));
  }
  return failures;
}

function takenElsewhere({ name }: UploadRecord): AppError {
  return new AppError("conflict", `another hoist has taken ${name} up meanwhile`);
}

async function chosen(request: ResumeRequest, store: JobStore): Promise<readonly UploadRecord[]> {
  if (request.ids.length === 0) {
    return [...(await store.untold()), ...(await Array.fromAsync(store.resumable()))];
  }
  const uploads: UploadRecord[] = [];
  for (const id of request.ids) {
    const upload = await store.get(id);
    if (upload === null) {
      throw new AppError("not_found", `there is no upload ${id}`, { hint: "see hoist resume --list" });
    }
    uploads.push(upload);
  }
  return uploads;
}

function refuse(
  upload: UploadRecord,
  request: ResumeRequest,
  accountOf: (key: string) => Account | null,
): AppError | null {
  if (accountOf(upload.accountKey) === null) {
    return new AppError("config", `the account ${upload.account} that ${upload.name} belongs to is not configured`, {
      hint: "configure it again, or forget the upload with hoist resume --drop",
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
