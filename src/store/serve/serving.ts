import type { StoreContext } from "../context.ts";
import { addJobs } from "./add-jobs.ts";
import { adoptJobs } from "./adopt-jobs.ts";
import { deliveries } from "./deliveries.ts";
import { depth } from "./depth.ts";
import { findJobs } from "./find-jobs.ts";
import { followAccounts } from "./follow-accounts.ts";
import { jobEnds } from "./job-ends.ts";
import { messages } from "./messages.ts";
import { waits } from "./waits.ts";

/** What the store of a server has beyond that of the command line. */
export function serving(context: StoreContext) {
  return {
    ...addJobs(context),
    ...adoptJobs(context),
    ...findJobs(context),
    ...followAccounts(context),
    ...waits(context),
    ...jobEnds(context),
    ...depth(context),
    ...messages(context),
    ...deliveries(context),
  };
}
