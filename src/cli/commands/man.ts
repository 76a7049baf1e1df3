import { VERSION } from "../../version.ts";
import { allCommands } from "../all-commands.ts";
import { longFlag, type Options } from "../argv/options.ts";
import { type Command, defineCommand, detailsOf } from "../command.ts";
import { GLOBAL_OPTIONS } from "../globals.ts";
import { optionText, usageLine, valueLabel } from "../help.ts";
import { TOPICS } from "../topics.ts";

export const man = defineCommand({
  name: "man",
  summary: "print the manual page",
  examples: [
    ["hoist man | man -l -", "read it"],
    ["hoist man > ~/.local/share/man/man1/hoist.1", "install it; mkdir -p its folder first"],
  ],
  options: {},
  async run({ commands, out }) {
    const sections = await Promise.all((await allCommands(commands)).map(commandSection));
    out.raw(
      [
        `.TH HOIST 1 "" "hoist ${troff(VERSION)}" "User Commands"`,
        ".SH NAME",
        text("hoist - upload files to UploadGig and Ulož.to Disk"),
        ".SH SYNOPSIS",
        bold("hoist <command> [options]"),
        ".SH COMMANDS",
        ...sections,
        ".SH GLOBAL OPTIONS",
        optionList(GLOBAL_OPTIONS),
        ...Object.entries(TOPICS).flatMap(([name, topic]) => [
          `.SH ${TITLES[name] ?? name}`,
          verbatim(topic.replace(/^.*\n\n/, "")),
        ]),
        "",
      ].join("\n"),
    );
    return 0;
  },
});

const TITLES: Readonly<Record<string, string>> = {
  "exit-codes": "EXIT STATUS",
  environment: "ENVIRONMENT",
  formats: "FORMATS",
  hooks: "HOOKS",
};

async function commandSection(command: Command): Promise<string> {
  return [
    `.SS hoist ${troff(command.name)}`,
    text(`${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}.`),
    ".PP",
    bold(usageLine(command)),
    ...(await detailsOf(command)).flatMap((paragraph) =>
      paragraph.includes("\n") ? [verbatim(paragraph)] : [".PP", text(paragraph)],
    ),
    ...(Object.keys(command.options).length === 0 ? [] : [optionList(command.options)]),
    ...command.examples.flatMap(([line, meaning]) => [".PP", `${text(meaning)}:`, verbatim(`    ${line}`)]),
  ].join("\n");
}

function optionList(options: Options): string {
  return Object.entries(options)
    .flatMap(([key, option]) => {
      const short = option.short === undefined ? "" : `-${option.short}, `;
      return [".TP", bold(`${short}${longFlag(key, option)}${valueLabel(option)}`), text(optionText(option))];
    })
    .join("\n");
}

/** A line of its own, nothing of which troff takes for a request or an escape. */
function text(line: string): string {
  return troff(line).replace(/^[.']/, "\\&$&");
}

function bold(line: string): string {
  return `.B "${troff(line).replaceAll('"', "\\(dq")}"`;
}

function verbatim(block: string): string {
  return [".PP", ".nf", ...block.trimEnd().split("\n").map(text), ".fi"].join("\n");
}

function troff(line: string): string {
  return line.replaceAll("\\", "\\e").replaceAll("-", "\\-");
}
