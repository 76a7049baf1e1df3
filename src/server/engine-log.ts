import type { EngineEvent } from "../core/events.ts";
import { formatDuration } from "../core/units.ts";
import type { ServerLog } from "./log.ts";

/** What the engine tells, for the log. Links and captcha pages let in whoever has them: they stay out. */
export function createEngineLog(log: ServerLog): (event: EngineEvent) => void {
  return (event) => {
    switch (event.type) {
      case "start":
        log.info("upload.started", `uploading ${event.upload.name}`, about(event));
        return;
      case "retry":
        log.warn(
          "upload.retry",
          `${event.upload.name}: ${event.error.message}; again in ${formatDuration(event.waitMs)}`,
          about(event),
        );
        return;
      case "ended": {
        const { outcome, name } = event.upload;
        if (outcome?.ok === true) {
          log.info("upload.done", `${name} is ${outcome.skipped ? "there already" : "uploaded"}`, about(event));
        } else if (outcome !== null) {
          const said = outcome.error.hostMessage === null ? "" : ` (the host says: "${outcome.error.hostMessage}")`;
          const fields = { ...about(event), code: outcome.error.code };
          log.error("upload.failed", `${name}: ${outcome.error.message}${said}`, fields);
        }
        return;
      }
      case "captcha":
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

function about({ upload }: Extract<EngineEvent, { readonly upload: unknown }>) {
  return { upload: upload.id, account: upload.account };
}
