import { didYouMean } from "../../core/nearest.ts";
import { AppError } from "../../errors.ts";
import { findCommand } from "../argv/find-command.ts";
import { defineCommand } from "../command.ts";
import { commandHelp, groupHelp, helpStyle, topHelp } from "../help.ts";
import { TOPIC_NAMES, TOPICS } from "../topics.ts";

export const help = defineCommand({
  name: "help",
  summary: "help on a command or a topic",
  examples: [
    ["hoist help up", "all options of hoist up"],
    ["hoist help account add", "a command of a group"],
    ["hoist help exit-codes", "what the exit codes mean"],
  ],
  details: [`Topics: ${TOPIC_NAMES.join(", ")}.`],
  operands: { usage: "[command|topic]", min: 0, max: 2 },
  options: {},
  async run({ operands, commands, io, out }) {
    const style = helpStyle(io, out);
    const topic = TOPIC_NAMES.find((name) => operands.length === 1 && name === operands[0]);
    if (topic !== undefined) {
      out.raw(TOPICS[topic]);
      return;
    }
    assertKnown(operands[0], [...Object.keys(commands), ...TOPIC_NAMES]);
    const { path, node, rest } = findCommand(commands, operands);
    if (rest.length > 0) throw new AppError("usage", `hoist ${path.join(" ")} has no command "${rest.join(" ")}"`);
    if (node === null) out.raw(topHelp(commands, style));
    else if ("load" in node) out.raw(await commandHelp(await node.load(), style));
    else out.raw(groupHelp(path.join(" "), node, style));
  },
});

function assertKnown(word: string | undefined, known: readonly string[]): void {
  if (word === undefined || known.includes(word)) return;
  const wanted = didYouMean(word, known);
  throw new AppError("usage", `there is no help on "${word}"`, {
    hint: wanted === undefined ? "hoist help lists the commands" : `did you mean hoist help ${wanted}?`,
  });
}
