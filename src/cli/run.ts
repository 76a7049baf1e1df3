import { exitOfStop } from "../core/stop.ts";
import { toAppError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { checkTokens, readGlobals, tokenize } from "./argv/argv.ts";
import { findCommand } from "./argv/find-command.ts";
import { COMMANDS } from "./commands.ts";
import { GLOBAL_OPTIONS } from "./globals.ts";
import { commandHelp, groupHelp, helpStyle, topHelp } from "./help.ts";
import type { CliIo } from "./io.ts";
import { withCommandStep, withHelpStep } from "./output/next-step.ts";
import { createOutput } from "./output/output.ts";

/** Runs one command line; returns the exit code. Every failure has been told on stderr. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const early = tokenize(argv, GLOBAL_OPTIONS);
  let out = createOutput(io, readGlobals(early));
  try {
    const { path, node, rest } = findCommand(COMMANDS, argv);
    const command = node === null || !("load" in node) ? null : await node.load();
    const options = { ...GLOBAL_OPTIONS, ...command?.options };
    const tokens = tokenize(rest, options);
    const globals = readGlobals(tokens);
    out = createOutput(io, globals);
    if (globals.version) {
      out.print(`hoist ${VERSION}`);
      return 0;
    }
    const style = helpStyle(io, out);
    if (command !== null && globals.help) out.raw(await commandHelp(command, style));
    else if (command !== null) {
      const checked = withHelpStep(path, () => checkTokens(tokens, options, command.operands));
      return await command.run({ io, globals, operands: checked.operands, out, commands: COMMANDS }, checked);
    } else {
      if (!globals.help) withHelpStep(path, () => checkTokens(tokens, options, { usage: "", min: 0, max: 0 }));
      out.raw(node !== null && !("load" in node) ? groupHelp(path.join(" "), node, style) : topHelp(COMMANDS, style));
    }
    return 0;
  } catch (thrown) {
    const error = toAppError(thrown);
    const stopped = exitOfStop(io.signal);
    if (stopped === null || error.code !== "cancelled") out.error(withCommandStep(error));
    return stopped ?? error.exit;
  }
}
