import type { Command } from "./command.ts";
import type { CommandTree } from "./context.ts";

/** Loads every command, groups opened, in the order of the help. */
export async function allCommands(tree: CommandTree): Promise<readonly Command[]> {
  const loaded = Object.values(tree).map(async (node) => [
    ...("load" in node ? [await node.load()] : []),
    ...(await allCommands(node.commands ?? {})),
  ]);
  return (await Promise.all(loaded)).flat();
}
