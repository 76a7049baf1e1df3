import type { EngineEvent, EngineListener } from "../../core/events.ts";
import { createTally } from "../../core/exit-code.ts";
import type { UploadRecord } from "../../core/job-store.ts";
import { exitOfStop } from "../../core/stop.ts";
import { formatDuration } from "../../core/units.ts";
import type { SummaryView } from "../../core/views.ts";
import { type ErrorView, errorView, toAppError } from "../../errors.ts";
import type { CommandContext } from "../context.ts";
import { type Format, titleOf } from "./formats.ts";
import { type Again, isGone, RUN_AGAIN, withCommandStep, withUploadStep } from "./next-step.ts";
import { hasColor } from "./output.ts";
import { createProgress, progressMode } from "./progress.ts";
import { notFinished, ownerOf, SKIP_WORDS, type SkipReason, sumUp, unrecordedWords, whatToDo } from "./report-words.ts";
import { createResults, type GroupBy } from "./results.ts";

export interface ReportOptions {
  readonly format: Format;
  readonly groupBy: GroupBy | undefined;
  readonly progress: "auto" | "always" | "never";
  /** Whether `resume` will find what is not finished. */
  readonly recorded: boolean;
  /** `performance.now()` from which the summary counts, where that is before the report. */
  readonly startedAt?: number;
  /** How to go on with what is not finished, and with what has failed of a run, where that is not `hoist resume`. */
  readonly goOn?: { readonly stopped: string; readonly failed: (runId: string) => Again };
}

/** Turns the engine's events into results, bars, notes and errors. */
export interface Report extends Disposable {
  readonly listen: EngineListener;
  /** Writes what is left to write, the summary last. */
  finish(summary: SummaryView): void;
  /**
   * The same where the run as a whole fails, with the failure among what is counted; returns the exit code. Throws what
   * is wrong with the command itself: it has no results.
   */
  fail(thrown: unknown): number;
}

/** No more `progress` objects of one upload than one in this time. */
const PROGRESS_EVERY_MS = 1000;

/** Fails with `usage` when the format cannot show what is asked for. */
export function createReport({ io, globals, out }: CommandContext, options: ReportOptions): Report {
  const { format } = options;
  const results = createResults(out, format, options.groupBy);
  const mode =
    globals.quiet || globals.logFormat === "json" ? "off" : progressMode(options.progress, io.stderr, io.env);
  const progress = createProgress(mode, out.terminal, io.stderr, hasColor(io.stderr, io.env, globals.color));
  let { recorded } = options;
  const detailed = format.json && globals.verbose;
  const toldAt = new Map<string, number>();
  const shownPages = new Set<string>();
  const skips = new Map<SkipReason, number>();
  const tally = createTally();
  const startedAt = options.startedAt ?? performance.now();
  let stopped = 0;
  let lost = 0;
  let lastReason = "";

  const onStop = () => out.warning("interrupted: stopping; once more ends at once");
  io.signal.addEventListener("abort", onStop, { once: true });

  function ended(record: UploadRecord): void {
    tally.add(record);
    const upload = withUploadStep(record, options.goOn?.failed(record.runId) ?? (recorded ? undefined : RUN_AGAIN));
    toldAt.delete(upload.id);
    results.add(upload);
    const { outcome } = upload;
    if (outcome?.ok === true && outcome.skipReason !== null) {
      skips.set(outcome.skipReason, (skips.get(outcome.skipReason) ?? 0) + 1);
      out.debug(`${titleOf(upload)}: skipped, ${SKIP_WORDS[outcome.skipReason]}`);
    }
    if (outcome === null || outcome.ok) return;
    if (outcome.error.code === "cancelled") {
      if (options.goOn === undefined && isGone(upload.source)) lost += 1;
      else stopped += 1;
      return;
    }
    const error = withoutShownPage(outcome.error);
    const reason = JSON.stringify([error.code, error.hostMessage, error.hint, error.url]);
    out.error(reason === lastReason ? withoutReason(error) : error, titleOf(upload));
    lastReason = reason;
  }

  /** The page was told of a moment ago. */
  function withoutShownPage(error: ErrorView): ErrorView {
    return error.code === "captcha" && shownPages.has(error.url ?? "") ? { ...error, url: null } : error;
  }

  function listen(event: EngineEvent): void {
    progress.tell(event);
    switch (event.type) {
      case "planned":
        results.expect(event.destinations);
        recorded &&= event.recorded !== false;
        return;
      case "ended":
        ended(event.upload);
        return;
      case "start":
        if (detailed) out.json({ ...eventView("start", event.upload), size: event.upload.source.size });
        out.debug(`${titleOf(event.upload)}: started`);
        return;
      case "progress": {
        const now = performance.now();
        if (!detailed || now - (toldAt.get(event.upload.id) ?? Number.NEGATIVE_INFINITY) < PROGRESS_EVERY_MS) return;
        toldAt.set(event.upload.id, now);
        const { bytes, size, rate } = event;
        out.json({ ...eventView("progress", event.upload), bytes, size, rate: Math.round(rate) });
        return;
      }
      case "retry": {
        const { error, waitMs } = event;
        if (detailed) out.json({ ...eventView("retry", event.upload), waitSeconds: waitMs / 1000, error });
        out.note(`${titleOf(event.upload)}: ${error.message}; trying again in ${formatDuration(waitMs)}`);
        return;
      }
      case "stored":
        if (detailed) out.json(eventView("stored", event.upload));
        out.debug(`${titleOf(event.upload)}: the host has it`);
        return;
      case "captcha":
        if (format.json) out.json({ v: 1, type: "captcha", account: event.account, url: event.url });
        // Quiet: the page of one that nobody waits for stands in the error, and an object has been told already.
        if (globals.quiet && (event.waits === false || format.json)) return;
        if (event.waits === false) shownPages.add(event.url);
        out.call(`${event.account} wants a captcha solved; ${whatToDo(event)}: ${event.url}`);
        return;
      case "unrecorded":
        out.warning(unrecordedWords(event));
        return;
      case "lane_busy":
        out.note(`${event.account}: waiting for another process that uploads to it${ownerOf(event)}`);
        return;
      case "cool_down":
        out.note(`${event.account}: the host asked for a pause; going on in ${formatDuration(event.waitMs)}`);
        return;
      case "note":
        out.note(event.text);
        return;
      case "warning":
        out.warning(event.text);
        return;
    }
  }

  function finish(summary: SummaryView): void {
    progress.close();
    results.finish();
    if (format.json) out.json(summary);
    const resume = recorded ? "go on with: hoist resume" : "no record was kept, so hoist resume cannot go on";
    if (stopped > 0) out.warning(`${notFinished(stopped)}; ${options.goOn?.stopped ?? resume}`);
    if (lost > 0) out.warning(`${notFinished(lost)}: standard input cannot be resumed, so run the command again`);
    if (stopped > 0 || lost > 0) return;
    const several = summary.ok + summary.failed + summary.skipped > 1;
    const isNews = io.stderr.isTTY === true ? several || skips.size > 0 : skips.size > 0 && !format.json;
    if (isNews) out.note(sumUp(summary, skips));
  }

  return {
    listen,
    finish,
    fail(thrown) {
      const error = toAppError(thrown);
      if (error.code === "usage" || error.code === "config") throw error;
      tally.add({ outcome: { ok: false, error: errorView(error) } });
      const stop = exitOfStop(io.signal);
      const summary = tally.summary(Math.round(performance.now() - startedAt) / 1000, stop);
      finish(summary);
      if (stop === null || error.code !== "cancelled") out.error(withCommandStep(error));
      return summary.exit;
    },
    [Symbol.dispose]() {
      progress.close();
      io.signal.removeEventListener("abort", onStop);
    },
  };
}

function eventView(type: string, { id, source, name, account, host, folder }: UploadRecord) {
  return { v: 1, type, id, file: source.path, name, account, host, folder };
}

/** The same reason for file after file is told in full once. */
function withoutReason(error: ErrorView): ErrorView {
  return { ...error, hint: null, hostMessage: null, url: null };
}
