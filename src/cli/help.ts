import { VERSION } from "../version.ts";
import { longFlag, type Option, type Options } from "./argv/options.ts";
import { type Command, detailsOf } from "./command.ts";
import type { CommandNode, CommandTree } from "./context.ts";
import { GLOBAL_OPTIONS } from "./globals.ts";
import type { CliIo } from "./io.ts";
import { type Output, tint } from "./output/output.ts";
import { TOPIC_NAMES } from "./topics.ts";

export interface HelpStyle {
  readonly columns: number;
  readonly color: boolean;
}

export function helpStyle(io: CliIo, out: Output): HelpStyle {
  return { columns: Math.min(io.stdout.columns || 80, 110), color: out.color };
}

type Row = readonly [left: string, right: string];

/** Longer left sides stand on a line of their own. */
const WIDEST_LEFT = 26;

/** The program's own page; loads no command. */
export function topHelp(tree: CommandTree, style: HelpStyle): string {
  const examples: Row[] = [
    ["hoist up movie.mkv --to ulozto:/Movies", "upload a file, print its link"],
    ["hoist up -r photos --to ulozto,uploadgig", "a directory, to two accounts at once"],
    ["hoist resume", "go on with what was interrupted"],
    ["hoist sandbox", "try everything without an account"],
  ];
  return page(style, [
    `hoist ${VERSION}: upload files to UploadGig and Ulož.to Disk`,
    section("Examples", examples, style),
    `${title("Usage", style)} hoist <command> [options]`,
    section("Commands", commandRows(tree), style),
    ...optionSections(GLOBAL_OPTIONS, style),
    `Help on a command: hoist <command> --help\nHelp on a topic:   hoist help ${TOPIC_NAMES.join("|")}`,
  ]);
}

/** A command that only holds others. */
export function groupHelp(
  name: string,
  node: CommandNode & { readonly commands: CommandTree },
  style: HelpStyle,
): string {
  return page(style, [
    `hoist ${name}: ${node.summary}`,
    `${title("Usage", style)} hoist ${name} <command> [options]`,
    section("Commands", commandRows(node.commands), style),
    `Help on a command: hoist ${name} <command> --help`,
  ]);
}

export async function commandHelp(command: Command, style: HelpStyle): Promise<string> {
  return page(style, [
    `hoist ${command.name}: ${command.summary}`,
    section("Examples", command.examples, style),
    `${title("Usage", style)} ${usageLine(command)}`,
    ...(await detailsOf(command)),
    ...optionSections(command.options, style),
    ...optionSections(GLOBAL_OPTIONS, style),
  ]);
}

export function usageLine(command: Command): string {
  const required = Object.entries(command.options).flatMap(([key, option]) =>
    option.type === "value" && option.required === true ? [`${longFlag(key, option)} ${option.hint}`] : [],
  );
  const operands = command.operands.max === 0 ? [] : [command.operands.usage];
  return ["hoist", command.name, ...operands, ...required, "[options]"].join(" ");
}

function commandRows(tree: CommandTree): Row[] {
  return Object.entries(tree).map(([name, { summary }]) => [name, summary]);
}

function optionSections(options: Options, style: HelpStyle): string[] {
  const groups = Map.groupBy(Object.entries(options), ([, option]) => option.group ?? "Options");
  return [...groups].map(([name, entries]) =>
    section(
      name,
      entries.map(([key, option]) => [optionLabel(key, option), optionText(option)]),
      style,
    ),
  );
}

/** `-j, --parallel N`. */
export function optionLabel(key: string, option: Option): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  return `${short}${longFlag(key, option)}${valueLabel(option)}`;
}

export function valueLabel(option: Option): string {
  if (option.type === "flag") return "";
  return ` ${option.type === "choice" ? option.choices.join("|") : option.hint}`;
}

export function optionText(option: Option): string {
  const more = [
    ...(option.type === "list" ? ["repeatable"] : []),
    ...(option.type === "choice" && option.default !== undefined ? [`default: ${option.default}`] : []),
  ];
  return more.length === 0 ? option.summary : `${option.summary} (${more.join("; ")})`;
}

function section(name: string, rows: readonly Row[], style: HelpStyle): string {
  if (rows.length === 0) return "";
  const left = Math.min(WIDEST_LEFT, Math.max(...rows.map(([label]) => label.length)));
  const wide = name === "Examples";
  const lines = rows.flatMap(([label, text]) =>
    wide ? [`  ${label}`, `      ${text}`] : row(label, text, left, style),
  );
  return [title(name, style), ...lines].join("\n");
}

function row(label: string, text: string, left: number, { columns }: HelpStyle): string[] {
  const indent = left + 4;
  const wrapped = wrap(text, Math.max(20, columns - indent));
  const rest = wrapped.map((line) => `${" ".repeat(indent)}${line}`);
  if (label.length > left) return [`  ${label}`, ...rest];
  return [`  ${label.padEnd(left)}  ${wrapped[0] ?? ""}`, ...rest.slice(1)];
}

function wrap(text: string, columns: number): string[] {
  return Bun.wrapAnsi(text, columns).split("\n");
}

function title(name: string, { color }: HelpStyle): string {
  return tint(color, "bold", `${name}:`);
}

function page({ columns }: HelpStyle, parts: readonly string[]): string {
  const blocks = parts.filter((part) => part !== "");
  return `${blocks.map((block) => (block.includes("\n") ? block : wrap(block, columns).join("\n"))).join("\n\n")}\n`;
}
