import { longFlag, type Option, type Options, standsAlone } from "../argv/options.ts";
import type { Command } from "../command.ts";
import type { CommandTree } from "../context.ts";
import { GLOBAL_OPTIONS } from "../globals.ts";
import { TOPIC_NAMES } from "../topics.ts";

/** What a shell completes behind one command's name. */
export interface CompletionPlace {
  /** Words after `hoist`: none, `account`, `account add`. */
  readonly path: readonly string[];
  /** Commands, topics or fixed words that may follow. */
  readonly words: readonly CompletionWord[];
  readonly options: readonly CompletionOption[];
  /** Whether files may follow. */
  readonly files: boolean;
}

export interface CompletionWord {
  readonly word: string;
  readonly summary: string;
}

export interface CompletionOption {
  /** `-j`, `--parallel`. */
  readonly flags: readonly string[];
  readonly summary: string;
  /** Null: takes no value. Empty: files are offered; else these words. */
  readonly values: readonly string[] | null;
  readonly repeatable: boolean;
}

export function completionModel(tree: CommandTree, commands: readonly Command[]): readonly CompletionPlace[] {
  return [
    place([], wordsOf(tree), {}, false),
    ...groupPlaces(tree, []),
    ...commands.map((command) => {
      const fixed = fixedWords(command, tree);
      return place(command.name.split(" "), fixed, command.options, command.operands.usage.includes("path"));
    }),
  ];
}

/** Words that only hold commands, at every depth. */
function groupPlaces(tree: CommandTree, above: readonly string[]): CompletionPlace[] {
  return Object.entries(tree).flatMap(([name, node]) => {
    const path = [...above, name];
    const own = "load" in node ? [] : [place(path, wordsOf(node.commands), {}, false)];
    return [...own, ...groupPlaces(node.commands ?? {}, path)];
  });
}

function place(
  path: readonly string[],
  words: readonly CompletionWord[],
  options: Options,
  files: boolean,
): CompletionPlace {
  return { path, words, files, options: Object.entries({ ...options, ...GLOBAL_OPTIONS }).map(completionOption) };
}

function wordsOf(tree: CommandTree): CompletionWord[] {
  return Object.entries(tree).map(([word, { summary }]) => ({ word, summary }));
}

/** `<bash|zsh|fish>` in a usage line offers these words; `help` offers commands and topics. */
function fixedWords({ name, operands }: Command, tree: CommandTree): CompletionWord[] {
  if (name === "help") return [...wordsOf(tree), ...TOPIC_NAMES.map((word) => ({ word, summary: "topic" }))];
  const node = Object.hasOwn(tree, name) ? tree[name] : undefined;
  if (node?.commands !== undefined) return wordsOf(node.commands);
  const choices = /^<([a-z]+(?:\|[a-z]+)+)>$/.exec(operands.usage)?.[1];
  return choices?.split("|").map((word) => ({ word, summary: "" })) ?? [];
}

function completionOption([key, option]: [string, Option]): CompletionOption {
  return {
    flags: [...(option.short === undefined ? [] : [`-${option.short}`]), longFlag(key, option)],
    summary: option.summary,
    values: standsAlone(option) ? null : valuesOf(option),
    repeatable: option.type === "list",
  };
}

function valuesOf(option: Option): readonly string[] {
  if (option.type === "choice") return option.choices;
  return option.type === "value" ? (option.offers ?? []) : [];
}

/** Long options of a place that take a value: the word behind is not a command. */
export function valueFlags(places: readonly CompletionPlace[]): readonly string[] {
  const flags = places.flatMap(({ options }) =>
    options.flatMap(({ flags: all, values }) => (values === null ? [] : all)),
  );
  return [...new Set(flags)];
}
