import type { App } from "../../app.ts";
import type { HistoryQuery, JobStore, UploadRecord } from "../../core/job-store.ts";
import { resultView } from "../../core/views.ts";
import { AppError } from "../../errors.ts";
import { readCount, readLabels, readMoment } from "../argv/read-values.ts";
import { defaultFormat, formatAskedFor, RESULT_OPTIONS } from "../argv/result-options.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { accountNamed } from "../named-account.ts";
import { openApp } from "../open-app.ts";
import { compileFormat, type Format, textLine } from "../output/formats.ts";
import { localTime } from "../output/local-time.ts";
import { createLines, historyView } from "../output/results.ts";

const { format, json } = RESULT_OPTIONS;

export const history = defineCommand({
  name: "history",
  summary: "list the uploads made from this machine",
  details: ["The newest stand last. JSON has the result of each upload, and the time at which it ended."],
  examples: [
    ["hoist history -n 20", "the last twenty"],
    ["hoist history --since 24h --format markdown", "the links of the last day"],
    ["hoist history --failed --json", "what went wrong, for a program"],
    ["hoist history --name '*.iso' --account ulozto --label build=42", "filters, all of which must hold"],
  ],
  options: {
    since: { type: "value", hint: "DUR|DATE", summary: "not before: 24h, 2026-01-31, 2026-01-31T18:00" },
    until: { type: "value", hint: "DUR|DATE", summary: "not after; a day counts whole" },
    account: { type: "value", hint: "NAME", summary: "uploads of this account" },
    name: { type: "value", hint: "GLOB", summary: "uploads whose name on the host matches" },
    label: { type: "list", hint: "KEY=VALUE", summary: "uploads with this label" },
    failed: { type: "flag", summary: "failed uploads only" },
    last: { type: "value", short: "n", hint: "N", summary: "the newest N of these (default: all)" },
    format,
    json,
  },
  async run(context, values) {
    const asked = formatAskedFor(values) ?? defaultFormat(context.io.stdout);
    const shown = compileFormat(asked);
    const since = readMoment("--since", values.since, "start");
    const until = readMoment("--until", values.until, "end");
    const last = readCount("-n", values.last, { min: 1, max: 1_000_000_000 });
    const query: HistoryQuery = {
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
      ...(values.account === undefined ? {} : { account: values.account }),
      ...(values.label.length === 0 ? {} : { label: readLabels(values.label) }),
      ...(values.failed ? { failed: true } : {}),
    };
    const glob = values.name === undefined ? null : new Bun.Glob(values.name);
    await using app = await openApp(context, { command: "history" });
    const store = await app.store();
    if (values.account !== undefined) await assertKnown(values.account, app, store);
    const uploads = matching(store.history(query), glob, context);
    const show = asked === "text" ? showText(context) : showIn(shown, context);
    let leftOut = 0;
    for await (const upload of last === undefined ? uploads : newest(uploads, last)) {
      if (!show(upload) && upload.outcome?.ok === false) leftOut += 1;
    }
    if (leftOut > 0) {
      const which = leftOut === 1 ? "1 failed upload is" : `${leftOut} failed uploads are`;
      context.out.note(`${which} left out, for want of a link; --format text shows all`);
    }
    return 0;
  },
});

/** The record may tell of accounts that are configured no more. Fails with `not_found`. */
async function assertKnown(name: string, { config }: App, store: JobStore): Promise<void> {
  if (config.accounts.has(name)) return;
  for await (const _ of store.history({ account: name })) return;
  for await (const { account } of store.resumable()) if (account === name) return;
  accountNamed(config.accounts, name);
}

async function* matching(uploads: AsyncIterable<UploadRecord>, glob: Bun.Glob | null, { io }: CommandContext) {
  for await (const upload of uploads) {
    if (io.signal.aborted) throw new AppError("cancelled", "stopped");
    if (glob?.match(upload.name) !== false) yield upload;
  }
}

/** Keeps no more than `count` in memory. */
async function* newest(uploads: AsyncIterable<UploadRecord>, count: number) {
  const kept: UploadRecord[] = [];
  for await (const upload of uploads) {
    kept.push(upload);
    if (kept.length > count) kept.shift();
  }
  yield* kept;
}

/** False: the format has no line for the upload. */
type Show = (upload: UploadRecord) => boolean;

/** For people: when, what, and the id that `resume` asks for. */
function showText({ out }: CommandContext): Show {
  return (upload) => {
    const view = resultView(upload);
    const when = upload.finishedAt === null ? "" : `${localTime(upload.finishedAt)}  `;
    out.print(`${when}${textLine(view)}${view.ok ? "" : `  ${view.id}`}`);
    return true;
  };
}

function showIn(format: Format, { out }: CommandContext): Show {
  if (format.json) {
    return (upload) => {
      out.json(historyView(upload));
      return true;
    };
  }
  const lines = createLines(out, format);
  lines.begin();
  return (upload) => lines.write(resultView(upload), upload.finishedAt, null);
}
