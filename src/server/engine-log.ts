import type { EngineEvent, EngineListener } from "../core/events.ts";
import { formatDuration } from "../core/units.ts";
import type { ServerLog } from "./log.ts";

/** What the engine tells, for the log. Links and captcha pages let in whoever has them: they stay out. */
export function createEngineLog(log: ServerLog): EngineListener {
  /** Accounts whose captcha is told: the host gives it another page at every look. */
  const open = new Set<string>();
  return (event, job) => {
    switch (event.type) {
      case "start":
        log.info("upload.started", `uploading ${event.upload.name}`, about(event, job));
        return;
      case "retry":
        log.warn(
          "upload.retry",
          `${event.upload.name}: ${event.error.message}; again in ${formatDuration(event.waitMs)}`,
          about(event, job),
        );
        return;
      case "parked":
        if (event.url === null) open.delete(event.upload.account);
        return;
      case "ended":
        open.delete(event.upload.account);
        tellEnd(log, event, job);
        return;
      case "account":
        tellAccount(log, event);
        return;
      case "captcha":
        if (open.has(event.account)) return;
        open.add(event.account);
        log.warn("captcha", "a person must solve a captcha: the page is shown with the account and its jobs", {
          account: event.account,
        });
        return;
      case "cool_down":
        log.warn("account.cool-down", `the account rests for ${formatDuration(event.waitMs)}`, {
          account: event.account,
        });
        return;
      case "lane_busy":
        log.info("account.busy", "another process works with the account", { account: event.account });
        return;
      case "unrecorded":
        log.error(
          "upload.unrecorded",
          `${event.upload.name} is up, but not recorded, and may be sent again after a restart: ${event.why}`,
          about(event, job),
        );
        return;
      case "note":
        log.info("note", event.text);
        return;
      case "warning":
        log.warn("warning", event.text);
        return;
      default:
    }
  };
}

type Event<T extends EngineEvent["type"]> = Extract<EngineEvent, { readonly type: T }>;

/** What has ended for good, and what a stop or a failure has only sent back. */
function tellEnd(log: ServerLog, event: Event<"ended">, job: string | undefined): void {
  const { outcome, name, state } = event.upload;
  if (outcome === null) return;
  if (outcome.ok) {
    log.info("upload.done", `${name} is ${outcome.skipped ? "there already" : "uploaded"}`, about(event, job));
    return;
  }
  const { code, message, hostMessage } = outcome.error;
  const why = `${name}: ${message}${hostMessage === null ? "" : ` (the host says: "${hostMessage}")`}`;
  const fields = { ...about(event, job), code };
  if (state === "interrupted") {
    log.info("upload.stopped", `${name} was stopped; it goes on when hoist serve starts again`, fields);
  } else if (state === "queued") {
    const again = event.dueAt == null ? "it waits for its account" : `again at ${new Date(event.dueAt).toISOString()}`;
    log.warn("upload.postponed", `${why}; ${again}`, fields);
  } else if (state === "cancelled") {
    log.info("upload.cancelled", why, fields);
  } else {
    log.error("upload.failed", why, fields);
  }
}

function tellAccount(log: ServerLog, { account, change, reason }: Event<"account">): void {
  const fields = { account, reason: reason ?? undefined };
  const until = `nothing more is sent until: hoist account resume ${account}`;
  if (change === "resumed") log.info("account.resumed", "the account takes uploads again", fields);
  else if (change === "refused") log.error("account.refused", `the host refused the login; ${until}`, fields);
  else if (reason !== null) log.error("account.paused", `the account is paused; ${until}`, fields);
  else log.info("account.paused", `the account is paused by hand; ${until}`, { ...fields, reason: "by hand" });
}

function about({ upload }: Extract<EngineEvent, { readonly upload: unknown }>, job: string | undefined) {
  return { job, upload: upload.id, account: upload.account };
}
