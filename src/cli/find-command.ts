import { didYouMean } from "../core/nearest.ts";
import { AppError } from "../errors.ts";
import { type Token, tokenize, unknownOption } from "./argv.ts";
import type { CommandNode, CommandTree } from "./context.ts";
import { GLOBAL_OPTIONS } from "./globals.ts";

export interface Found {
  readonly path: readonly string[];
  /** Null: no command was named. */
  readonly node: CommandNode | null;
  /** argv without the command's name. */
  readonly rest: readonly string[];
}

/** Walks to the command that is named; global options may stand anywhere between. Fails with `usage`. */
export function findCommand(tree: CommandTree, argv: readonly string[], path: readonly string[] = []): Found {
  const tokens = tokenize(argv, GLOBAL_OPTIONS);
  const name = tokens.find((token) => token.kind === "operand");
  if (name === undefined) return { path, node: null, rest: argv };
  refuseStrangers(tokens.slice(0, tokens.indexOf(name)));
  if (!Object.hasOwn(tree, name.value)) throw unknownCommand([...path, name.value], Object.keys(tree));
  const node = tree[name.value] as CommandNode;
  const rest = argv.toSpliced(name.index, 1);
  if ("load" in node) return { path: [...path, name.value], node, rest };
  const below = findCommand(node.commands, rest, [...path, name.value]);
  return below.node === null ? { ...below, node } : below;
}

/** An option in front of the command's name may only be a global one: whether another takes a value is not known. */
function refuseStrangers(tokens: readonly Token[]): void {
  for (const token of tokens) {
    if (token.kind === "operand" || token.key !== null) continue;
    throw unknownOption(token.typed, GLOBAL_OPTIONS).with({
      hint: "options of a command stand behind its name",
    });
  }
}

function unknownCommand(path: readonly string[], known: readonly string[]): AppError {
  const typed = path.at(-1) ?? "";
  const wanted = didYouMean(typed, known);
  const group = path.slice(0, -1).map((word) => ` ${word}`);
  return new AppError("usage", `unknown command "${path.join(" ")}"`, {
    hint:
      wanted === undefined
        ? `hoist${group.join("")} --help lists them`
        : `did you mean hoist${group.join("")} ${wanted}?`,
  });
}
