import type { CompletionOption, CompletionPlace } from "./model.ts";

/** Completes commands and options; file names where a command takes files or an option any value. */
export function fishScript(places: readonly CompletionPlace[]): string {
  const groups = new Set(places.flatMap(({ path }) => (path.length > 1 ? [path.slice(0, -1).join(" ")] : [])));
  return `# fish completion for hoist
complete -c hoist -f
${places.flatMap((place) => placeLines(place, groups)).join("\n")}
`;
}

function placeLines(place: CompletionPlace, groups: ReadonlySet<string>): string[] {
  const when = quote(condition(place, groups));
  const words = place.words.map(
    ({ word, summary }) => `complete -c hoist -n ${when} -a ${word}${summary === "" ? "" : ` -d ${quote(summary)}`}`,
  );
  const files = place.files ? [`complete -c hoist -n ${when} -F`] : [];
  return [...files, ...words, ...place.options.map((option) => `complete -c hoist -n ${when} ${optionPart(option)}`)];
}

function condition({ path, words }: CompletionPlace, groups: ReadonlySet<string>): string {
  if (path.length === 0) return "__fish_use_subcommand";
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
  return groups.has(path.join(" "))
    ? `${seen}; and not __fish_seen_subcommand_from ${words.map(({ word }) => word).join(" ")}`
    : seen;
}

function optionPart({ flags, summary, values }: CompletionOption): string {
  const names = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = values === null ? "" : values.length === 0 ? " -r -F" : ` -x -a ${quote(values.join(" "))}`;
  return `${names.join(" ")}${value} -d ${quote(summary)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
