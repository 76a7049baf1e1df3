import type { EngineListener } from "../../core/events.ts";
import { exitCode } from "../../core/exit-code.ts";
import { formatBytes } from "../../core/units.ts";
import type { PlanView } from "../../core/views.ts";
import { AppError, type ErrorCode } from "../../errors.ts";
import { defaultFormat, formatAskedFor } from "../argv/result-options.ts";
import { readUpValues, toUpInput } from "../argv/up-input.ts";
import { UP_OPTIONS } from "../argv/up-options.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { openApp } from "../open-app.ts";
import { openingPages } from "../open-page.ts";
import { compileFormat, configuredFormat, type Format, titleOf } from "../output/formats.ts";
import { createReport } from "../output/report.ts";

export const up = defineCommand({
  name: "up",
  summary: "upload files",
  examples: [
    ["hoist up movie.mkv --to ulozto:/Movies", "a file into a folder; the folder is created if it is not there"],
    ["hoist up *.zip --to ulozto,uploadgig --format markdown", "files to two accounts; links for a forum"],
    ["hoist up -r photos --to ulozto:/Backups --exclude '*.tmp'", "a directory, without some files"],
    ["tar c src | hoist up - --name src-{date}.tar --to ulozto:/Backups", "what another program writes"],
    ["hoist up big.iso --to uploadgig --limit-rate '08:00,800K 23:30,off'", "slowly by day"],
    ["hoist up -n --skip-existing -r photos --to ulozto:/Backups", "what is missing there, or has another size"],
    ["hoist up out/*.bin --to uploadgig --json", "results for a program"],
  ],
  operands: { usage: "<path|->…", min: 0, max: Number.POSITIVE_INFINITY, mayBeEmpty: true },
  options: UP_OPTIONS,
  async run(context, values) {
    const { io, operands, out } = context;
    if (operands.length === 0 && values.filesFrom === undefined) {
      throw new AppError("usage", "nothing to upload", { hint: "name files, or - for standard input" });
    }
    const asked = formatAskedFor(values);
    const format = asked === undefined ? undefined : compileFormat(asked);
    const read = readUpValues(operands, values, io.stderr.isTTY === true);
    let listen: EngineListener = () => {};
    await using app = await openApp(context, {
      command: "up",
      history: values.history,
      listen: (event) => listen(event),
    });
    const shown = format ?? configuredFormat(app.config.up.format) ?? compileFormat(defaultFormat(io.stdout));
    const { groupBy, progress, history } = values;
    using report = createReport(context, { format: shown, groupBy, progress, recorded: history });
    listen = values.open ? openingPages(report.listen, io, out) : report.listen;
    const input = toUpInput(read, app.config.up);
    if (values.dryRun) return await dryRun(app.plan(input, io.signal), shown, context);
    if (operands.includes("-") && read.after !== undefined && read.after.do !== "keep") {
      out.note("--after has no effect on standard input: there is no file to keep or take away");
    }
    if (operands.includes("-") && io.stdin.isTTY === true) out.note("reading standard input; Ctrl-D ends it");
    try {
      const summary = await app.up(input, io.signal);
      report.finish(summary);
      return summary.exit;
    } catch (thrown) {
      return report.fail(thrown);
    }
  },
});

async function dryRun(plan: AsyncIterable<PlanView>, format: Format, { out }: CommandContext): Promise<number> {
  const codes: ErrorCode[] = [];
  let fine = false;
  for await (const view of plan) {
    if (format.json) out.json(view);
    else if (view.error === undefined) out.print(planLine(view));
    if (view.error === undefined) fine = true;
    else {
      codes.push(view.error.code);
      out.error(view.error, titleOf(view));
    }
  }
  return exitCode(codes, fine);
}

function planLine({ file, name, account, folder, size, there, sizesThere, recorded }: PlanView): string {
  const target = folder === null ? `${account}: ${name}` : `${account}:${folder === "/" ? "" : folder}/${name}`;
  const why =
    there === undefined ? "" : there === "missing" ? ", missing there" : `, differs: ${sizesOf(sizesThere)} there`;
  const but = recorded === true ? "; uploaded before, so it would be skipped" : "";
  return `${file} → ${target} (${size === null ? "size not known" : formatBytes(size)}${why}${but})`;
}

function sizesOf(sizes: PlanView["sizesThere"]): string {
  return (sizes ?? []).map((size) => (size === null ? "size not known" : formatBytes(size))).join(", ");
}
