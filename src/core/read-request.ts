import { resolve } from "node:path";
import { AppError } from "../errors.ts";
import type { AddJob } from "./add-job.ts";
import { parseAfter } from "./after.ts";
import type { JobsWorld } from "./create-jobs.ts";
import { assertResumable, parseDestinations } from "./destinations.ts";
import { rewritePath } from "./enqueue.ts";
import type { JobRequest } from "./jobs.ts";

/** `POST /v1/jobs` as a request. Fails with `usage`, or `unprocessable` on a callback that cannot be. */
export function readRequest(input: AddJob, world: Pick<JobsWorld, "settings" | "accounts">): JobRequest {
  const { to, rewrite, refuseCallback } = world.settings();
  const named = input.to.length > 0 ? input.to : to;
  if (named.length === 0)
    throw new AppError("usage", "to is missing", { hint: "name a destination, or configure [up] to" });
  const refusal = input.callback === null ? null : refuseCallback(input.callback);
  if (refusal !== null) throw new AppError("unprocessable", refusal);
  const after = parseAfter(input.after) ?? ({ do: "keep" } as const);
  const destinations = parseDestinations(named, world.accounts());
  assertResumable(destinations, input.resumable);
  return {
    path: rewritePath(input.path, rewrite),
    to: destinations,
    name: input.name,
    labels: input.labels,
    recursive: input.recursive,
    callback: input.callback,
    notBefore: input.notBefore === null ? null : Date.parse(input.notBefore),
    settleMs: null,
    resumable: input.resumable,
    after: after.do === "move" ? { ...after, directory: resolve(after.directory) } : after,
  };
}
