import * as v from "valibot";
import { AppError, errorView } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Account } from "./account.ts";
import { runOptions } from "./inputs.ts";
import type { JobStore, UploadRecord } from "./job-store.ts";
import { drain } from "./queue.ts";
import { byKey, createReporting } from "./reporting.ts";
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
  const accounts = byKey(world.accounts);
  const uploads = await chosen(request, store);
  const order = new Map(uploads.map(({ id }, index) => [id, index]));
  const place = (upload: UploadRecord) => ({ ...upload, sourceIndex: order.get(upload.id) ?? 0, destinationIndex: 0 });
  const reporting = createReporting({
    ...world,
    listen: (event) => world.listen(event.type === "ended" ? { ...event, upload: place(event.upload) } : event),
  });
  const runs = new Map<string, string[]>();
  for (const upload of uploads) {
    const refusal = refuse(upload, request, accounts);
    if (refusal === null) runs.set(upload.runId, [...(runs.get(upload.runId) ?? []), upload.id]);
    else reporting.later({ ...upload, outcome: { ok: false, error: errorView(refusal) } });
  }
  reporting.planned(uploads.length, 1, 0);
  for (const [runId, ids] of runs) {
    const stored = v.parse(runOptions, (await store.runOptions(runId)) ?? {});
    const options = { ...stored, retryUnknown: request.retryUnknown };
    const next = await store.createRun(options as Json);
    await store.requeue(next, ids);
    await store.openRun(next);
    await drain({ ...reporting, accounts }, { id: next, options }, signal);
  }
  return reporting.summary(signal);
}

async function chosen(request: ResumeRequest, store: JobStore): Promise<readonly UploadRecord[]> {
  if (request.ids.length === 0) return store.resumable();
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

function refuse(upload: UploadRecord, request: ResumeRequest, accounts: ReadonlyMap<string, Account>): AppError | null {
  if (!accounts.has(upload.accountKey)) {
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
