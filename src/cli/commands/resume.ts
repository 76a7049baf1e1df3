import type { EngineListener } from "../../core/events.ts";
import type { JobStore, UploadRecord } from "../../core/job-store.ts";
import { formatBytes } from "../../core/units.ts";
import { resultView } from "../../core/views.ts";
import { AppError } from "../../errors.ts";
import { defaultFormat, formatAskedFor, RESULT_OPTIONS } from "../argv/result-options.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { openApp } from "../open-app.ts";
import { compileFormat, titleOf } from "../output/formats.ts";
import { withUploadStep } from "../output/next-step.ts";
import { createReport } from "../output/report.ts";

export const resume = defineCommand({
  name: "resume",
  summary: "go on with interrupted uploads",
  details: [
    "Takes up what was stopped, crashed, or failed for a reason that may pass, each with the options of its run. An " +
      "upload whose outcome is unknown is left alone until you name it and add --retry-unknown.",
  ],
  examples: [
    ["hoist resume", "everything that was interrupted"],
    ["hoist resume --list", "show what that is"],
    ["hoist resume 0198c5d2-… --retry-unknown", "send again what may be up already"],
    ["hoist resume --drop 0198c5d2-…", "forget one"],
  ],
  operands: { usage: "[id]…", min: 0, max: Number.POSITIVE_INFINITY },
  options: {
    list: { type: "flag", summary: "show what would be resumed, and do nothing" },
    drop: { type: "flag", summary: "forget the uploads named" },
    retryUnknown: { type: "flag", summary: "also those named whose outcome is unknown; may leave a duplicate" },
    ...RESULT_OPTIONS,
  },
  async run(context, values) {
    const { io, operands: ids } = context;
    if (values.list && values.drop) throw new AppError("usage", "--list and --drop exclude each other");
    if (values.drop && ids.length === 0) {
      throw new AppError("usage", "--drop needs the ids to forget", { hint: "hoist resume --list shows them" });
    }
    if (values.retryUnknown && ids.length === 0) {
      throw new AppError("usage", "--retry-unknown needs the ids of the uploads to repeat", {
        hint: "look at your account first; hoist history --failed shows the ids",
      });
    }
    const asked = formatAskedFor(values);
    const format = compileFormat(asked ?? defaultFormat(io.stdout));
    let listen: EngineListener = () => {};
    await using app = await openApp(context, { command: "resume", listen: (event) => listen(event) });
    if (values.list) return await list(await app.store(), ids, format.json, context);
    if (values.drop) return await drop(await app.store(), ids, context);
    const { groupBy, progress } = values;
    using report = createReport(context, { format, groupBy, progress, recorded: true });
    listen = report.listen;
    try {
      const summary = await app.resume({ ids, retryUnknown: values.retryUnknown }, io.signal);
      report.finish(summary);
      if (summary.ok + summary.failed + summary.skipped === 0) context.out.note("nothing is interrupted");
      return summary.exit;
    } catch (thrown) {
      return report.fail(thrown);
    }
  },
});

async function list(store: JobStore, ids: readonly string[], json: boolean, { out }: CommandContext): Promise<number> {
  let found = false;
  for await (const upload of store.resumable()) {
    if (ids.length > 0 && !ids.includes(upload.id)) continue;
    found = true;
    if (json) out.json({ ...resultView(withUploadStep(upload)), state: upload.state });
    else out.print(listLine(upload));
  }
  if (!found) out.note("nothing is interrupted");
  return 0;
}

function listLine(upload: UploadRecord): string {
  const { id, source, state, outcome } = upload;
  const size = source.size === null ? "size not known" : formatBytes(source.size);
  const why = outcome !== null && !outcome.ok ? `: ${outcome.error.message}` : "";
  return `${id}  ${titleOf(upload)}  (${size})  ${state}${why}`;
}

async function drop(store: JobStore, ids: readonly string[], { out }: CommandContext): Promise<number> {
  for (const id of ids) {
    if (!(await store.drop(id))) {
      throw new AppError("not_found", `there is no interrupted upload ${id}`, { hint: "see hoist resume --list" });
    }
    out.note(`${id} is forgotten`);
  }
  return 0;
}
