import { didYouMean } from "../../core/nearest.ts";
import { AppError } from "../../errors.ts";
import type { CommandNode, CommandTree } from "../context.ts";
import { GLOBAL_OPTIONS } from "../globals.ts";
import { type Token, tokenize, unknownOption } from "./argv.ts";

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
  if ("load" in node) {
    const found = { path: [...path, name.value], node, rest };
    return holdsNext(node.commands ?? {}, rest) ? findCommand(node.commands ?? {}, rest, found.path) : found;
  }
  const below = findCommand(node.commands, rest, [...path, name.value]);
  return below.node === null ? { ...below, node } : below;
}

/** Whether the next word is one of these commands; behind an option that is not global it may be that one's value. */
function holdsNext(commands: CommandTree, rest: readonly string[]): boolean {
  const tokens = tokenize(rest, GLOBAL_OPTIONS);
  const next = tokens.findIndex((token) => token.kind === "operand" || token.key === null);
  const token = tokens[next];
  return token?.kind === "operand" && Object.hasOwn(commands, token.value);
}

/** An option in front of the command's name may only be a global one: whether another takes a value is not known. */
function refuseStrangers(tokens: readonly Token[]): void {
  for (const token of tokens) {
    if (token.kind === "operand" || token.key !== null) continue;
    const unknown = unknownOption(token.typed, GLOBAL_OPTIONS);
    throw unknown.hint === undefined ? unknown.with({ hint: "options of a command stand behind its name" }) : unknown;
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
